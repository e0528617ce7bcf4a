using System.Text.Json.Nodes;
using ComfyDeploy.Client;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Save-ComfyRunOutput with runs of a manifest: no file is downloaded twice, and none has a final name without being recorded.</summary>
public sealed class SaveComfyRunOutputManifestTests : OutputsTest
{
    private const string Save = "Save-ComfyRunOutput $renders -NameTemplate '{Label}_{Index}{Extension}'";
    private const string Rebuild = "Get-ComfyRun -Manifest $manifest";

    public SaveComfyRunOutputManifestTests()
    {
        Engine.Set("manifest", Manifest);
        Engine.Set("renders", Renders);
    }

    private string Manifest => Path.Combine(Folder, "night.jsonl");

    private string Renders => Path.Combine(Folder, "renders");

    private string[] Saved => Directory.Exists(Renders) ? [.. Directory.GetFiles(Renders).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)] : [];

    private JsonNode[] SavedLines => [.. File.ReadLines(Manifest).Select(line => JsonNode.Parse(line)!).Where(line => (string?)line["event"] == "saved")];

    [Fact]
    public void Each_saved_file_is_recorded()
    {
        string id = Finish("#multi=2")[0].RunId!;
        IReadOnlyList<FileInfo> files = Engine.Run($"$runs | {Save}").All<FileInfo>();
        Assert.Equal(["s1_0.png", "s1_1.png"], Saved);
        Assert.Equal(
            files.Select((file, i) => (id, i, "image", $"renders/{file.Name}", file.Length)),
            SavedLines.OrderBy(line => (int)line["index"]!).Select(line => ((string)line["run"]!, (int)line["index"]!, (string)line["kind"]!, (string)line["path"]!, (long)line["length"]!)));
    }

    [Fact]
    public async Task A_file_is_recorded_when_it_is_complete_and_before_it_has_its_name()
    {
        using FileStorage storage = new(1000);
        using StorageConnections connections = new(new HttpClientHandler());
        string target = Path.Combine(Folder, "a");
        List<(long, long, bool)> seen = [];
        Downloader downloader = new(connections, SystemClock.Instance, TimeSpan.FromSeconds(30), new RecordingLog())
        {
            OnComplete = length => seen.Add((length, new FileInfo(target + ".part").Length, File.Exists(target))),
        };
        await downloader.SaveAsync(storage.Link("a"), target, "a", _ => Task.FromResult<Uri?>(null), CancellationToken.None);
        Assert.Equal([(1000, 1000, false)], seen);
        Assert.Equal(storage.File, File.ReadAllBytes(target));
    }

    [Theory]
    [InlineData("$runs", 0)]
    // What the manifest gives back is read for the rest of its outputs only where something is missing.
    [InlineData(Rebuild, 0)]
    [InlineData("$runs.RunId", 1)]
    public void A_second_call_returns_the_same_files_without_a_download(string runs, int requests)
    {
        Finish("#multi=2");
        string[] first = [.. Engine.Run($"$runs | {Save}").All<FileInfo>().Select(file => file.FullName)];
        int before = Emulator.Requests.Count;
        EngineRun second = Engine.Run($"{runs} | {Save}");
        Assert.Equal(first, second.All<FileInfo>().Select(file => file.FullName));
        Assert.Equal(["s1", "s1"], second.Objects.Select(file => (string)file.Properties["Label"].Value));
        Assert.Equal([0, 1], second.Objects.Select(file => (int)file.Properties["Index"].Value));
        Assert.Equal(requests, Emulator.Requests.Count - before);
        Assert.Equal(2, Saved.Length);
        Assert.Equal(2, SavedLines.Length);
        Assert.Empty(second.Warnings);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-Existing Rename")]
    [InlineData("-Existing Error")]
    [InlineData("-NameTemplate '{RunId:12}_{Index:00}_{FileName}'")]
    public void A_recorded_file_is_returned_whatever_the_template_and_the_choice_for_existing_files(string options)
    {
        Finish("a");
        Engine.Run("$runs | Save-ComfyRunOutput $renders -NameTemplate '{Label}{Extension}'");
        string template = options.Contains("-NameTemplate", StringComparison.Ordinal) ? string.Empty : "-NameTemplate '{Label}{Extension}'";
        Assert.Equal("s1.png", Engine.Run($"$runs | Save-ComfyRunOutput $renders {template} {options}").One<FileInfo>().Name);
        Assert.Equal(["s1.png"], Saved);
        Assert.Single(Downloads);
    }

    [Theory]
    [InlineData("$runs")]
    [InlineData(Rebuild)]
    public void A_file_that_is_lost_is_downloaded_again_to_the_same_path(string runs)
    {
        Finish("#multi=2");
        string path = Path.Combine(Renders, "s1_1.png");
        Engine.Run($"$runs | {Save}");
        byte[] whole = File.ReadAllBytes(path);
        File.Delete(path);
        EngineRun second = Engine.Run($"{runs} | Save-ComfyRunOutput $renders -NameTemplate 'other_{{Index}}{{Extension}}'");
        Assert.Equal(["s1_0.png", "s1_1.png"], second.All<FileInfo>().Select(file => file.Name));
        Assert.Equal(whole, File.ReadAllBytes(path));
        Assert.Equal((2, 3), (Saved.Length, Downloads.Count));
    }

    [Theory]
    [InlineData("", "s1_1 (2).png", 3)]
    [InlineData("-Existing Rename", "s1_1 (2).png", 3)]
    [InlineData("-Existing Skip", "s1_1.png", 2)]
    [InlineData("-Existing Error", null, 2)]
    [InlineData("-NameTemplate '{Kind}_{Index}{Extension}'", "image_1.png", 3)]
    [InlineData("-NameTemplate '{Kind}_{Index}{Extension}' -Existing Overwrite", "image_1.png", 4)]
    public void A_recorded_file_that_the_user_changed_is_kept(string options, string? name, int downloads)
    {
        Finish("#multi=2");
        Engine.Run($"$runs | {Save}");
        string path = Path.Combine(Renders, "s1_1.png");
        File.WriteAllText(path, "retouched");
        string save = options.Contains("-NameTemplate", StringComparison.Ordinal) ? $"Save-ComfyRunOutput $renders {options}" : $"{Save} {options}";
        foreach (string runs in new[] { Rebuild, "$runs" })
        {
            EngineRun run = Engine.RunWithErrors($"{runs} | {save}");
            Assert.Equal(new[] { "s1_0.png", name }.OfType<string>(), run.All<FileInfo>().Select(file => file.Name));
            Assert.Equal(name is null ? [ErrorIds.FileExists] : [], run.Errors.Select(EngineRun.IdOf));
            Assert.Equal(name == "s1_1.png" ? 1 : 0, run.Warnings.Count);
            Assert.Equal("retouched", File.ReadAllText(path));
            Assert.Equal(downloads, Downloads.Count);
            // The second time, what replaces it is recorded; Overwrite downloads all the same.
            if (options.EndsWith("Overwrite", StringComparison.Ordinal)) downloads += 2;
        }
    }

    [Fact]
    public void Overwrite_replaces_a_recorded_file_that_the_user_changed_under_the_same_name()
    {
        Finish("a");
        string path = Engine.Run($"$runs | {Save}").One<FileInfo>().FullName;
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllText(path, "retouched");
        Assert.Equal(path, Engine.Run($"{Rebuild} | {Save} -Existing Overwrite").One<FileInfo>().FullName);
        Assert.Equal(whole, File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData("$runs")]
    [InlineData(Rebuild)]
    public void A_path_belongs_to_the_run_that_was_saved_there_last(string runs)
    {
        const string SaveSame = "Save-ComfyRunOutput $renders -NameTemplate 'same{Extension}'";
        ComfyRun[] both = [.. Finish("a", "b")];
        string path = Engine.Run($"$runs[0] | {SaveSame}").One<FileInfo>().FullName;
        byte[] a = File.ReadAllBytes(path);
        File.Delete(path);
        Engine.Run($"$runs[1] | {SaveSame}");
        byte[] b = File.ReadAllBytes(path);
        EngineRun run = Engine.Run($"{runs} | {SaveSame}");
        Assert.Equal(both.Select(r => r.RunId), run.Objects.Select(file => (string)file.Properties["RunId"].Value));
        Assert.Equal(["same (2).png", "same.png"], run.All<FileInfo>().Select(file => file.Name));
        Assert.Equal([a, b], run.All<FileInfo>().Select(file => File.ReadAllBytes(file.FullName)));
        Assert.Equal(3, Downloads.Count);
    }

    [Theory]
    [InlineData("$runs")]
    [InlineData(Rebuild)]
    public void No_two_runs_get_one_file_even_if_both_have_recorded_it(string runs)
    {
        Finish("a", "b");
        FileInfo[] files = [.. Engine.Run($"$runs | {Save}").All<FileInfo>()];
        byte[] b = File.ReadAllBytes(files[1].FullName);
        File.WriteAllText(Manifest, File.ReadAllText(Manifest).Replace(
            $"\"renders/s2_0.png\",\"length\":{files[1].Length}", $"\"./renders/s1_0.png\",\"length\":{files[0].Length}", StringComparison.Ordinal));
        files[1].Delete();
        FileInfo[] again = [.. Engine.Run($"{runs} | {Save}").All<FileInfo>()];
        Assert.Equal(["s1_0.png", "s2_0.png"], again.Select(file => file.Name));
        Assert.Equal(b, File.ReadAllBytes(again[1].FullName));
        Assert.Equal(3, Downloads.Count);
    }

    [Fact]
    public void An_output_that_comes_twice_is_one_file()
    {
        Finish("a");
        Engine.Run($"$runs | {Save}");
        EngineRun run = Engine.Run($"& {{ {Rebuild}; $runs | Get-ComfyRunOutput }} | {Save}");
        Assert.Equal(["s1_0.png", "s1_0.png"], run.All<FileInfo>().Select(file => file.Name));
        Assert.Single(Downloads);
    }

    [Fact]
    public void Overwrite_downloads_a_recorded_file_again_to_its_path()
    {
        Finish("a");
        Engine.Run($"$runs | {Save}");
        Assert.Equal("s1_0.png", Engine.Run($"{Rebuild} | Save-ComfyRunOutput $renders -Existing Overwrite").One<FileInfo>().Name);
        Assert.Equal((1, 2), (Saved.Length, Downloads.Count));
    }

    [Fact]
    public void Only_what_is_missing_of_a_run_from_the_manifest_is_downloaded()
    {
        string id = Finish("#image #video")[0].RunId!;
        Engine.Run($"$runs | {Save} -Kind image");
        int polls = Polls(id);
        EngineRun second = Engine.Run($"{Rebuild} | {Save}");
        Assert.Equal(["s1_0.png", "s1_1.mp4"], second.All<FileInfo>().Select(file => file.Name));
        Assert.Equal((polls + 1, 2), (Polls(id), Downloads.Count));
        Assert.Equal("s1_1.mp4", Engine.Run($"{Rebuild} | {Save} -Kind video").One<FileInfo>().Name);
        Assert.Equal((polls + 1, 2), (Polls(id), Downloads.Count));
    }

    [Fact]
    public void A_run_without_outputs_needs_no_request()
    {
        string id = Finish("#fail")[0].RunId!;
        int before = Emulator.Requests.Count;
        Assert.Equal($"No outputs to save for s1 ({id}).", Assert.Single(Engine.Run($"{Rebuild} | {Save}").Warnings));
        Assert.Equal(before, Emulator.Requests.Count);
    }

    [Fact]
    public void A_file_in_another_folder_does_not_count()
    {
        Finish("a");
        Engine.Run($"$runs | {Save}; $runs | Save-ComfyRunOutput $folder/others -NameTemplate '{{Label}}{{Extension}}'");
        Assert.True(File.Exists(Path.Combine(Folder, "others", "s1.png")));
        Assert.Equal(2, Downloads.Count);
        Assert.Equal(["renders/s1_0.png", "others/s1.png"], SavedLines.Select(line => (string)line["path"]!));
    }

    [Fact]
    public void The_path_of_an_earlier_output_of_the_call_is_not_taken_again()
    {
        ComfyRun[] runs = [.. Finish("a", "b")];
        Engine.Run($"$runs[1] | Save-ComfyRunOutput $renders -NameTemplate 'same{{Extension}}'");
        File.Delete(Path.Combine(Renders, "same.png"));
        EngineRun run = Engine.Run($"$runs | Save-ComfyRunOutput $renders -NameTemplate 'same{{Extension}}'");
        Assert.Equal(runs.Select(r => r.RunId), run.Objects.Select(file => (string)file.Properties["RunId"].Value));
        Assert.Equal(["same.png", "same (2).png"], run.All<FileInfo>().Select(file => file.Name));
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(Renders, "same.png")), File.ReadAllBytes(Path.Combine(Renders, "same (2).png")));
    }

    [Fact]
    public void A_manifest_in_use_is_one_warning_and_the_files_are_saved_once()
    {
        Finish("a", "b");
        Engine.Run($"$runs[0] | {Save}");
        using (FileStream other = new(Manifest + ".lock", FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            EngineRun run = Engine.Run($"$runs | {Save}");
            Assert.Contains($"is not recorded in {Manifest}: ", Assert.Single(run.Warnings), StringComparison.Ordinal);
            Assert.Equal(["s1_0.png", "s2_0.png"], run.All<FileInfo>().Select(file => file.Name));
        }
        Assert.Equal((2, 1), (Downloads.Count, SavedLines.Length));
        // It was not recorded, so that it may be of another run.
        Assert.Equal("s2_0 (2).png", Engine.Run($"$runs[1] | {Save}").One<FileInfo>().Name);
    }

    [Fact]
    public void A_manifest_that_cannot_be_read_is_one_warning_and_the_files_are_saved()
    {
        Finish("a", "b");
        File.WriteAllText(Manifest, "damaged\n");
        EngineRun run = Engine.Run($"$runs | {Save}");
        Assert.Contains("is not recorded", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.Equal(2, run.Objects.Count);
        Assert.Equal("damaged\n", File.ReadAllText(Manifest));
    }

    [Fact]
    public void WhatIf_writes_nothing_and_knows_what_is_recorded()
    {
        Finish("a", "b");
        Engine.Run($"$runs[0] | {Save}");
        byte[] before = File.ReadAllBytes(Manifest);
        File.Delete(Manifest + ".lock");
        EngineRun run = Engine.Run($"$runs | {Save} -WhatIf");
        Assert.Equal("s1_0.png", run.One<FileInfo>().Name);
        Assert.Contains("s2_0.png", run.Shown, StringComparison.Ordinal);
        Assert.False(File.Exists(Manifest + ".lock"));
        Assert.Equal(before, File.ReadAllBytes(Manifest));
    }

    [Fact]
    public void A_batch_that_is_repeated_saves_what_is_missing()
    {
        const string Batch = "'p1', 'p2' | ForEach-Object { [pscustomobject]@{ prompt = $_; shot = $_ } } | Start-ComfyRun portrait -LabelColumn shot -Manifest $manifest | Wait-ComfyRun -InOrder | " + Save;
        Assert.Equal(["p1_0.png", "p2_0.png"], WhileTimePasses(Batch).All<FileInfo>().Select(file => file.Name));
        File.Delete(Path.Combine(Renders, "p2_0.png"));
        int before = Emulator.Requests.Count;
        Assert.Equal(["p1_0.png", "p2_0.png"], WhileTimePasses(Batch).All<FileInfo>().Select(file => file.Name));
        Assert.Equal((2, 3), (Emulator.Runs.Count, Downloads.Count));
        // The second run was read for its link.
        Assert.Equal(before + 2, Emulator.Requests.Count);
    }

    /// <summary>Runs of a manifest that have ended, as <c>$runs</c>, labeled s1, s2…</summary>
    private IReadOnlyList<ComfyRun> Finish(params string[] prompts)
    {
        Engine.Set("prompts", prompts);
        WhileTimePasses("""
            $i = 0
            $runs = @($prompts | ForEach-Object { $i++; [pscustomobject]@{ prompt = $_; shot = "s$i" } } |
                Start-ComfyRun portrait -LabelColumn shot -Manifest $manifest | Wait-ComfyRun -InOrder)
            """);
        return Engine.Run("$runs").Runs;
    }

    private EngineRun WhileTimePasses(string script)
    {
        using Underway underway = Engine.Begin(script);
        while (underway.State == System.Management.Automation.PSInvocationState.Running) Emulator.Advance(TimeSpan.FromSeconds(1));
        return underway.Finish();
    }
}
