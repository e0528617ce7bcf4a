using System.Globalization;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Service;
using ComfyDeploy.Emulator.Storage;

namespace ComfyDeploy.Emulator.Runs;

/// <summary>Writes the outputs of a run when it ends: files and texts, node timings, or the error.</summary>
internal sealed class OutputWriter(IdSource ids)
{
    public void Write(Run run)
    {
        DateTime end = run.EndsAt!.Value;
        switch (run.EndStatus)
        {
            case "failed":
                run.Outputs.Add(Raw(end, run.Script.Outcome == "failearly" ? RefusedPrompt() : NodeError(run, end)));
                break;
            case "success":
                DateTime stored = end - TimeSpan.FromMilliseconds(30);
                foreach (string kind in run.Script.Yields) WriteYield(run, kind, stored);
                run.Outputs.Add(Raw(stored, Timings(run)));
                break;
        }
    }

    private void WriteYield(Run run, string kind, DateTime stored)
    {
        int variety = run.Id.GetHashCode();
        switch (kind)
        {
            case "image":
                AddFiles(run, stored, "images", run.Script.BadNames ? BadlyNamed(run) : Images(run));
                break;
            case "custom":
                AddFiles(run, stored, "masks_by_someone", [File(run, "mask_00001_.png", "image/png", SampleFiles.Png(variety))]);
                break;
            case "video":
                AddFiles(run, stored, "gifs", [File(run, "ComfyUI_00001_.mp4", "video/mp4", SampleFiles.Mp4(variety))]);
                break;
            case "audio":
                AddFiles(run, stored, "audio", [File(run, "ComfyUI_00001_.wav", "audio/wav", SampleFiles.Wav(variety))]);
                break;
            case "file":
                AddFiles(run, stored, "files", [File(run, "report_00001_.txt", "text/plain", SampleFiles.Text(variety))]);
                break;
            case "mesh":
                AddFiles(run, stored, "mesh", [File(run, "ComfyUI_00001_.glb", "model/gltf-binary", SampleFiles.Glb(variety))]);
                break;
            case "text":
                JsonObject data = new() { ["text"] = new JsonArray("a caption produced by a text node") };
                run.Outputs.Add(new OutputRow { Id = ids.NextGuid(), CreatedAt = stored, NodeId = "11", NodeClass = "ShowText|pysssss", Data = data });
                break;
        }
    }

    private void AddFiles(Run run, DateTime stored, string key, IReadOnlyList<OutputFile> files) => run.Outputs.Add(new OutputRow
    {
        Id = ids.NextGuid(),
        CreatedAt = stored,
        NodeId = "9",
        NodeClass = "ComfyDeployStdOutputImage",
        OutputId = run.Workflow.Outputs.Count > 0 ? run.Workflow.Outputs[0] : null,
        Key = key,
        Files = files,
    });

    private static List<OutputFile> Images(Run run)
    {
        List<OutputFile> images = [];
        for (int i = 1; i <= run.Script.Images; i++)
        {
            string name = string.Format(CultureInfo.InvariantCulture, "ComfyUI_{0:00000}_.png", i);
            images.Add(File(run, name, "image/png", SampleFiles.Png(run.Id.GetHashCode() + i)));
        }

        return images;
    }

    // Two files may share a name, so a folder in the link distinguishes them.
    private static List<OutputFile> BadlyNamed(Run run)
    {
        string[] names =
            ["../../x.png", "CON", "a:b.png", "", new string('n', 296) + ".png", "ring\u0007the\u001B[31mbell\n.png", "twin.png", "twin.png", "/etc/abs.png", "..\\win.png", "dot.", "NUL.png"];
        List<OutputFile> files = [];
        for (int i = 0; i < names.Length; i++)
        {
            string folder = "n" + i.ToString(CultureInfo.InvariantCulture);
            files.Add(File(run, names[i], "image/png", SampleFiles.Png(run.Id.GetHashCode() + i), folder));
        }

        return files;
    }

    private static OutputFile File(Run run, string name, string contentType, byte[] bytes, string? folder = null)
    {
        // The link is not the name: S3 keys allow any character, a URL's path does not.
        string leaf = folder is null ? Uri.EscapeDataString(name) : folder + "/file.png";
        return new OutputFile
        {
            Name = name,
            Path = $"/outputs/runs/{run.Id:D}/{leaf}",
            ContentType = contentType,
            IsPublic = !run.Script.Private,
            Bytes = bytes,
            UploadSeconds = 0.0025,
        };
    }

    private OutputRow Raw(DateTime at, JsonNode data) => new() { Id = ids.NextGuid(), CreatedAt = at, Data = data, RawOnly = true };

    private static JsonArray Timings(Run run)
    {
        JsonArray timings = [];
        for (int i = 0; i < run.Nodes.Count; i++)
        {
            timings.Add((JsonNode)new JsonObject
            {
                ["id"] = (i + 3).ToString(CultureInfo.InvariantCulture),
                ["time"] = Math.Round(run.Script.Execution.TotalSeconds / run.Nodes.Count, 3),
                ["vram_used"] = 1073741824,
                ["class_type"] = run.Nodes[i],
            });
        }

        return timings;
    }

    private static JsonObject NodeError(Run run, DateTime end)
    {
        string nodeClass = RunView.At(run, end, readAsTimeout: false).LiveStatus!.Substring("Executing ".Length);
        return new JsonObject
        {
            ["node_id"] = "3",
            ["executed"] = new JsonArray(),
            ["node_type"] = nodeClass,
            ["prompt_id"] = run.Id.ToString("D"),
            ["traceback"] = new JsonArray("  File \"/comfyui/execution.py\", line 327, in execute\n"),
            ["current_inputs"] = new JsonObject { ["seed"] = new JsonArray(42) },
            ["exception_type"] = "torch.OutOfMemoryError",
            ["current_outputs"] = new JsonArray(),
            ["exception_message"] = "CUDA out of memory. Tried to allocate 2.00 GiB",
        };
    }

    private static JsonObject RefusedPrompt() => new()
    {
        ["error"] = new JsonObject
        {
            ["type"] = "prompt_outputs_failed_validation",
            ["message"] = "Prompt outputs failed validation",
            ["details"] = "",
            ["extra_info"] = new JsonObject(),
        },
    };
}
