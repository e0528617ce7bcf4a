namespace ComfyDeploy.Tests.Engine;

/// <summary>Get-ComfyRunOutput and Save-ComfyRunOutput: whole files, under names that harm nothing.</summary>
public sealed class OutputTests : EngineTest
{
    private readonly TemporaryFolder _folder = new();

    public OutputTests() => Engine.Set("folder", Path.Combine(_folder.Path, "new", "[a]"));

    private string Target => Path.Combine(_folder.Path, "new", "[a]");

    private string[] Files => Directory.Exists(Target) ? [.. Directory.EnumerateFiles(Target).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)] : [];

    [Fact]
    public void Outputs_come_with_their_place_and_kind()
    {
        Finish("#multi=2 #text", "#video");
        IReadOnlyList<ComfyRunOutput> outputs = Engine.Run("$ids | Get-ComfyRunOutput").All<ComfyRunOutput>();
        Assert.Equal(Emulator.Runs[0].RunId, outputs[0].RunId);
        Assert.Equal(["image", "image", "text", "video"], outputs.Select(output => output.Kind).Order(StringComparer.Ordinal));
        Assert.Single(Engine.Run("$ids | Get-ComfyRunOutput -Kind text").Objects);
    }

    [Fact]
    public void Outputs_are_saved_whole_and_tell_where_they_came_from()
    {
        Finish("#multi=3");
        EngineRun run = Engine.Run("$ids | Save-ComfyRunOutput $folder");
        Assert.Equal(3, run.All<FileInfo>().Count);
        Assert.All(run.Objects, file => Assert.Equal((Emulator.Runs[0].RunId, "portrait/production"), (file.Properties["RunId"].Value, file.Properties["DeploymentName"].Value)));
        Assert.Equal([0, 1, 2], run.Objects.Select(file => (int)file.Properties["Index"].Value));
        Assert.All(run.All<FileInfo>(), file => Assert.True(file.Length > 100));
        Assert.Equal(3, Files.Length);
        Assert.DoesNotContain(Emulator.Requests, request => request.IsStorage && request.HasAuthorization);
    }

    [Fact]
    public void One_output_stands_for_itself_alone()
    {
        Finish("#multi=3");
        Engine.Run("$ids | Get-ComfyRunOutput | Where-Object Index -EQ 1 | Save-ComfyRunOutput $folder");
        Assert.Contains("_01_", Assert.Single(Files), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_no_disk_should_trust_stays_in_the_folder()
    {
        Finish("#badname #multi=4");
        EngineRun run = Engine.RunWithErrors("$ids | Save-ComfyRunOutput $folder");
        Assert.Empty(run.Errors);
        Assert.All(run.All<FileInfo>(), file => Assert.Equal(Target, file.DirectoryName));
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("wronglength")]
    [InlineData("truncate")]
    public void A_download_that_breaks_off_leaves_no_half_file(string fault)
    {
        Finish("#nothing");
        Emulator.AddFault($"GET /outputs/* = {fault} always");
        EngineRun run = Engine.RunWithErrors("$ids | Save-ComfyRunOutput $folder -Connection $hasty", ("hasty", WithoutPauses()));
        // A shorter body with a fitting length cannot be told from a whole one.
        if (fault == "truncate") return;
        run.Error("DownloadFailed");
        Assert.Empty(Files);
        Assert.Empty(run.Objects);
    }

    [Fact]
    public void Done_once_it_is_not_downloaded_again()
    {
        Finish("a fox");
        Engine.Run("$ids | Save-ComfyRunOutput $folder");
        int before = Emulator.Requests.Count(request => request.IsStorage);
        Assert.Single(Engine.Run("$ids | Save-ComfyRunOutput $folder").Objects);
        Assert.Equal(before, Emulator.Requests.Count(request => request.IsStorage));
        Engine.Run("$ids | Save-ComfyRunOutput $folder -Existing Rename");
        Assert.Equal(2, Files.Length);
    }

    [Fact]
    public void WhatIf_saves_nothing()
    {
        Finish("a fox");
        Assert.Empty(Engine.Run("$ids | Save-ComfyRunOutput $folder -WhatIf").Objects);
        Assert.Empty(Files);
        Assert.False(Directory.Exists(Target));
    }

    [Fact]
    public void A_run_without_outputs_is_a_warning()
    {
        Finish("#nooutput");
        Assert.Contains(Emulator.Runs[0].RunId, Assert.Single(Engine.Run("$ids | Save-ComfyRunOutput $folder").Warnings), StringComparison.Ordinal);
    }

    private protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing) _folder.Dispose();
    }

    private void Finish(params string[] prompts)
    {
        Engine.Set("ids", Start(prompts).ToArray());
        LetAllEnd();
    }
}
