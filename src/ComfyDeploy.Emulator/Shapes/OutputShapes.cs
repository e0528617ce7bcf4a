using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Runs;

namespace ComfyDeploy.Emulator.Shapes;

/// <summary>The outputs of a run. <paramref name="link"/> makes a file's link; a signed link is new at each read.</summary>
internal sealed class OutputShapes(Func<OutputFile, string> link)
{
    /// <summary>As GET /run/{id} returns them: typed, so without errors and timings.</summary>
    public JsonArray Typed(RunView view) => Array(view.Outputs.Where(output => !output.RawOnly).Select(output => new JsonObject
    {
        ["id"] = output.Id.ToString("D"),
        ["output_id"] = output.OutputId,
        ["run_id"] = view.Run.Id.ToString("D"),
        ["data"] = Data(output, raw: false),
        ["node_meta"] = NodeMeta(output),
        ["created_at"] = Stamps.MicrosZ(output.CreatedAt),
        ["updated_at"] = Stamps.MicrosZ(output.CreatedAt),
        ["type"] = null,
        ["node_id"] = null,
    }));

    /// <summary>As the raw lists return them: whatever a node stored, including errors and timings.</summary>
    public JsonArray Raw(RunView view) => Array(view.Outputs.Select(output => new JsonObject
    {
        ["id"] = output.Id.ToString("D"),
        ["run_id"] = view.Run.Id.ToString("D"),
        ["node_meta"] = NodeMeta(output),
        ["updated_at"] = Stamps.MillisZ(output.CreatedAt),
        ["data"] = Data(output, raw: true),
        ["created_at"] = Stamps.MillisZ(output.CreatedAt),
    }));

    public JsonNode? Data(OutputRow output, bool raw)
    {
        if (output.Data is not null) return output.Data.DeepClone();
        return new JsonObject { [output.Key] = Array(output.Files.Select(file => Media(output, file, raw))) };
    }

    public static JsonNode? NodeMeta(OutputRow output) =>
        output.NodeId is null ? null : new JsonObject { ["node_id"] = output.NodeId, ["node_class"] = output.NodeClass };

    private JsonObject Media(OutputRow output, OutputFile file, bool raw)
    {
        JsonObject media = new()
        {
            ["url"] = link(file),
            ["type"] = "output",
            ["filename"] = file.Name,
            ["is_public"] = file.IsPublic,
            ["subfolder"] = file.Subfolder,
            ["upload_duration"] = file.UploadSeconds,
        };
        if (raw && output.OutputId is not null) media["output_id"] = output.OutputId;
        return media;
    }

    private static JsonArray Array(IEnumerable<JsonObject> items)
    {
        JsonArray array = [];
        foreach (JsonObject item in items) array.Add((JsonNode)item);
        return array;
    }
}
