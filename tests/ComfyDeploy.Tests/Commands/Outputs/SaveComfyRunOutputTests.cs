using System.Management.Automation;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Save-ComfyRunOutput: which outputs are saved, where, and what comes out.</summary>
public sealed partial class SaveComfyRunOutputTests : OutputsTest
{
    private string Target => Path.Combine(Folder, "new", "[a]");

    [Fact]
    public void All_files_of_a_run_are_saved_and_written_with_their_origin()
    {
        string id = Ended("#multi");
        EngineRun run = Engine.Run("Get-ComfyRun $id | Save-ComfyRunOutput $folder", ("id", id));
        string[] names = [.. Enumerable.Range(0, 3).Select(i => $"{Digits(id)}_0{i}_ComfyUI_0000{i + 1}_.png")];
        Assert.Equal(names, Files);
        Assert.Equal(names.Select(name => Path.Combine(Folder, name)), run.All<FileInfo>().Select(file => file.FullName));
        Assert.Equal(
            [(id, 0, "portrait/production"), (id, 1, "portrait/production"), (id, 2, "portrait/production")],
            run.Objects.Select(file => ((string)file.Properties["RunId"].Value, (int)file.Properties["Index"].Value, (string)file.Properties["DeploymentName"].Value)));
        Assert.All(run.All<FileInfo>(), file => Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(file.FullName)[..4]));
    }

    [Fact]
    public void A_complete_run_object_is_not_read_again_and_an_id_is_read_once()
    {
        string id = Ended("a");
        Engine.Run("$run = Get-ComfyRun $id; $run, $run | Save-ComfyRunOutput $folder", ("id", id));
        Assert.Equal((1, 1), (Polls(id), Downloads.Count));
        Assert.Single(Engine.Run("Save-ComfyRunOutput $folder -RunId $id, $id -Existing Overwrite").Objects);
        Assert.Equal((2, 2), (Polls(id), Downloads.Count));
    }

    [Theory]
    [InlineData("(Get-ComfyRunOutput $id)[1]")]
    [InlineData("[pscustomobject]@{ RunId = $id; Index = '1' }")]
    [InlineData("@{ RunId = $id; Index = 1 }")]
    public void An_output_or_a_row_that_names_it_is_saved_by_itself(string input)
    {
        string id = Ended("#multi");
        Assert.Equal(1, Engine.Run($"{input} | Save-ComfyRunOutput $folder", ("id", id)).Objects[0].Properties["Index"].Value);
        Assert.Single(Files);
        Assert.Single(Downloads);
    }

    [Fact]
    public void Outputs_of_one_run_piped_one_by_one_are_all_saved_once()
    {
        string id = Ended("#multi");
        Assert.Equal(3, Engine.Run("$o = Get-ComfyRunOutput $id; @($o) + $o | Save-ComfyRunOutput $folder", ("id", id)).Objects.Count);
        Assert.Equal((1, 3, 3), (Polls(id), Downloads.Count, Files.Length));
    }

    [Fact]
    public void Texts_are_not_files_and_kind_filters()
    {
        string id = Ended("#image #text #video");
        Assert.Equal(2, Engine.Run("Save-ComfyRunOutput $folder -RunId $id", ("id", id)).Objects.Count);
        Assert.Equal(".mp4", Engine.Run("Save-ComfyRunOutput $folder/v -RunId $id -Kind video").One<FileInfo>().Extension);
        EngineRun run = Engine.Run("Save-ComfyRunOutput $folder/t -RunId $id -Kind text");
        Assert.Contains(id, Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(Folder, "t")));
    }

    [Fact]
    public void Runs_without_outputs_give_one_warning_at_the_end_and_no_error()
    {
        IReadOnlyList<string> ids = Start("#nooutput", "#fail", "a");
        LetAllEnd();
        EngineRun run = Engine.Run("$ids | Save-ComfyRunOutput $folder", ("ids", ids));
        string warning = Assert.Single(run.Warnings);
        Assert.All(ids.Take(2), id => Assert.Contains(id, warning, StringComparison.Ordinal));
        Assert.DoesNotContain(ids[2], warning, StringComparison.Ordinal);
        Assert.Single(run.Objects);
    }

    [Fact]
    public void The_warning_is_not_lost_when_an_error_ends_the_pipeline()
    {
        EngineRun run = Engine.RunWithErrors("$ErrorActionPreference = 'Stop'; $missing, $id | Save-ComfyRunOutput $folder", ("missing", MissingId), ("id", Ended("#nooutput")));
        Assert.True(run.Threw);
        Assert.Single(run.Warnings);
    }

    [Fact]
    public void A_missing_run_does_not_prevent_saving_the_others()
    {
        string id = Ended("a");
        EngineRun run = Engine.RunWithErrors("$ErrorActionPreference = 'Stop'; $missing, 'no id', $id | Save-ComfyRunOutput $folder", ("missing", MissingId), ("id", id));
        Assert.Single(run.Objects);
        Assert.Single(Files);
        Assert.True(run.Threw);
    }

    [Fact]
    public void Rows_that_were_never_queued_are_skipped()
    {
        EngineRun run = Engine.Run("[pscustomobject]@{ RunId = ''; Status = 'not-queued' }, $id | Save-ComfyRunOutput $folder", ("id", Ended("a")));
        Assert.Single(run.Objects);
        Assert.Empty(run.Warnings);
    }

    [Theory]
    [InlineData("Skip", 1, "old")]
    [InlineData("Overwrite", 1, "new")]
    [InlineData("Rename", 2, "old")]
    public void An_existing_file_is_kept_replaced_or_numbered(string existing, int count, string first)
    {
        string id = Ended("a");
        string target = Path.Combine(Folder, "x.png");
        File.WriteAllText(target, "old");
        FileInfo file = Engine.Run("Save-ComfyRunOutput $folder -RunId $id -NameTemplate x.png -Existing $existing", ("id", id), ("existing", existing)).One<FileInfo>();
        Assert.Equal(count, Files.Length);
        Assert.Equal(first == "old", File.ReadAllText(target) == "old");
        Assert.Equal(existing == "Rename" ? "x (2).png" : "x.png", file.Name);
        Assert.Equal(existing == "Skip" ? 0 : 1, Downloads.Count);
    }

    [Fact]
    public void Skip_is_the_default_so_that_a_second_call_downloads_only_what_is_missing()
    {
        string id = Ended("#multi");
        Engine.Run("$files = Save-ComfyRunOutput $folder -RunId $id", ("id", id));
        File.Delete(Path.Combine(Folder, Files[1]));
        Assert.Equal(3, Engine.Run("Save-ComfyRunOutput $folder -RunId $id").Objects.Count);
        Assert.Equal(3 + 1, Downloads.Count);
    }

    [Fact]
    public void Existing_Error_reports_each_existing_file_and_saves_the_others()
    {
        string id = Ended("#multi");
        File.WriteAllText(Path.Combine(Folder, "1.png"), "old");
        EngineRun run = Engine.RunWithErrors("Save-ComfyRunOutput $folder -RunId $id -NameTemplate '{Index}.png' -Existing Error", ("id", id));
        Assert.Equal(["0.png", "2.png"], run.All<FileInfo>().Select(file => file.Name));
        ErrorRecord error = run.Error("FileExists");
        Assert.Equal((ErrorCategory.ResourceExists, Path.Combine(Folder, "1.png")), (error.CategoryInfo.Category, error.TargetObject));
    }

    [Fact]
    public void WhatIf_downloads_nothing_and_creates_no_folder()
    {
        string id = Ended("a");
        EngineRun run = Engine.Run("Save-ComfyRunOutput $folder/new -RunId $id -WhatIf", ("id", id));
        Assert.Empty(run.Objects);
        Assert.Empty(Downloads);
        Assert.False(Directory.Exists(Path.Combine(Folder, "new")));
        Assert.Contains($"\"Save output 0 of run {id}\"", run.Shown, StringComparison.Ordinal);
    }

    [Fact]
    public void The_folder_is_created_and_may_be_named_like_a_pattern()
    {
        string id = Ended("a");
        Directory.CreateDirectory(Path.Combine(Folder, "a"));
        Engine.Run("Save-ComfyRunOutput -Path (\"$folder/[a]/b*\") -RunId $id", ("id", id));
        Assert.Equal(Path.Combine("[a]", "b*"), Path.GetDirectoryName(Assert.Single(Files)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("renders")]
    [InlineData("./renders/x")]
    public void A_relative_path_starts_at_the_sessions_location(string path)
    {
        string argument = path.Length == 0 ? "" : $"-Path {path}";
        Engine.Run($"$null = $ExecutionContext.SessionState.Path.SetLocation($folder); Save-ComfyRunOutput -RunId $id {argument}", ("id", Ended("a")));
        Assert.Equal(Path.GetFullPath(Path.Combine(Folder, path)), Path.GetDirectoryName(Path.Combine(Folder, Assert.Single(Files))));
    }

    [Theory]
    [InlineData("$folder/file.txt")]
    [InlineData("env:/x")]
    public void A_path_that_is_not_a_folder_is_rejected_before_any_request(string path)
    {
        File.WriteAllText(Path.Combine(Folder, "file.txt"), "mine");
        string id = Ended("a");
        int before = Emulator.Requests.Count;
        Engine.RunWithErrors($"Save-ComfyRunOutput \"{path}\" -RunId $id", ("id", id)).Error("InvalidInput");
        Assert.Equal(before, Emulator.Requests.Count);
    }

    [Fact]
    public void Verbose_reports_each_file_with_the_full_id_and_debug_each_request()
    {
        string id = Ended("#multi");
        EngineRun run = Engine.Run("Save-ComfyRunOutput $folder -RunId $id -Verbose -Debug", ("id", id));
        string[] saved = [.. run.Verbose.Where(line => line.Contains(" is saved: ", StringComparison.Ordinal)).Order()];
        Assert.Equal(Files.Select((file, i) => $"Output {i} of run {id} is saved: {Path.Combine(Folder, file)}"), saved);
        Assert.Contains($"Output 0 of run {id} already exists: {Path.Combine(Folder, Files[0])}", Engine.Run("Save-ComfyRunOutput $folder -RunId $id -Verbose").Verbose);
        Assert.Equal(3, run.Debug.Count(line => line.StartsWith($"GET {Emulator.StorageUri}outputs/runs/{id}/", StringComparison.Ordinal) && line.Contains(" -> 200 in ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Outputs_are_saved_completely_with_their_origin()
    {
        Finish("#multi=3");
        EngineRun run = Engine.Run("$ids | Save-ComfyRunOutput $target");
        Assert.Equal(3, run.All<FileInfo>().Count);
        Assert.All(run.Objects, file => Assert.Equal((Emulator.Runs[0].RunId, "portrait/production"), (file.Properties["RunId"].Value, file.Properties["DeploymentName"].Value)));
        Assert.Equal([0, 1, 2], run.Objects.Select(file => (int)file.Properties["Index"].Value));
        Assert.All(run.All<FileInfo>(), file => Assert.True(file.Length > 100));
        Assert.Equal(3, Files.Length);
        Assert.DoesNotContain(Emulator.Requests, request => request.IsStorage && request.HasAuthorization);
    }

    [Fact]
    public void An_output_refers_only_to_itself()
    {
        Finish("#multi=3");
        Engine.Run("$ids | Get-ComfyRunOutput | Where-Object Index -EQ 1 | Save-ComfyRunOutput $target");
        Assert.Contains("_01_", Assert.Single(Files), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unsafe_name_stays_in_the_folder()
    {
        Finish("#badname #multi=4");
        EngineRun run = Engine.RunWithErrors("$ids | Save-ComfyRunOutput $target");
        Assert.Empty(run.Errors);
        Assert.All(run.All<FileInfo>(), file => Assert.Equal(Target, file.DirectoryName));
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("wronglength")]
    [InlineData("truncate")]
    public void An_interrupted_download_leaves_no_partial_file(string fault)
    {
        Finish("#nothing");
        Emulator.AddFault($"GET /outputs/* = {fault} always");
        EngineRun run = Engine.RunWithErrors("$ids | Save-ComfyRunOutput $target -Connection $hasty", ("hasty", WithoutPauses()));
        // A shorter body with a matching length cannot be distinguished from a complete one.
        if (fault == "truncate") return;
        run.Error("DownloadFailed");
        Assert.Empty(Files);
        Assert.Empty(run.Objects);
    }

    [Fact]
    public void A_saved_file_is_not_downloaded_again()
    {
        Finish("a fox");
        Engine.Run("$ids | Save-ComfyRunOutput $target");
        int before = Emulator.Requests.Count(request => request.IsStorage);
        Assert.Single(Engine.Run("$ids | Save-ComfyRunOutput $target").Objects);
        Assert.Equal(before, Emulator.Requests.Count(request => request.IsStorage));
        Engine.Run("$ids | Save-ComfyRunOutput $target -Existing Rename");
        Assert.Equal(2, Files.Length);
    }

    [Fact]
    public void WhatIf_saves_nothing()
    {
        Finish("a fox");
        Assert.Empty(Engine.Run("$ids | Save-ComfyRunOutput $target -WhatIf").Objects);
        Assert.Empty(Files);
        Assert.False(Directory.Exists(Target));
    }

    [Fact]
    public void A_run_without_outputs_is_a_warning()
    {
        Finish("#nooutput");
        Assert.Contains(Emulator.Runs[0].RunId, Assert.Single(Engine.Run("$ids | Save-ComfyRunOutput $target").Warnings), StringComparison.Ordinal);
    }

    /// <summary>Runs that have ended, as <c>$ids</c>, and a folder for them that does not exist and is named like a pattern, as <c>$target</c>.</summary>
    private void Finish(params string[] prompts)
    {
        Engine.Set("ids", Start(prompts).ToArray());
        Engine.Set("target", Target);
        LetAllEnd();
    }
}
