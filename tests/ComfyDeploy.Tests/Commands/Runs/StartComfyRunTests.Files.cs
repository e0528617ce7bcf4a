using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun uploads the files among its inputs.</summary>
public sealed class StartComfyRunFileTests : EngineTest
{
    private const string Upload = "/api/file/upload";

    private readonly TemporaryFolder _folder = new();

    public StartComfyRunFileTests()
    {
        Engine.Set("folder", _folder.Path);
        // The engine of the tests has no Get-ChildItem.
        Engine.Set("items", new Func<FileInfo[]>(() => [.. new DirectoryInfo(_folder.Path).GetFiles().OrderBy(file => file.Name, StringComparer.Ordinal)]));
    }

    [Fact]
    public void Files_that_are_piped_are_uploaded_and_name_their_runs()
    {
        _folder.Write("a.png", "one");
        _folder.Write("b.jpg", "two");
        EngineRun run = Engine.Run("$items.Invoke() | Start-ComfyRun upscale-4k -InputName image");
        Assert.Equal(["a.png", "b.jpg"], run.Runs.Select(r => r.Label));
        Assert.Equal(2, Count("POST", Upload));
        Assert.Equal(["one", "two"], run.Runs.Select(ContentOfImage));
        Assert.Empty(run.Warnings);
    }

    [Fact]
    public void A_path_in_a_row_is_relative_to_the_current_location()
    {
        _folder.Write("a.png", "one");
        EngineRun run = Engine.Run("""
            $null = $ExecutionContext.SessionState.Path.SetLocation($folder)
            & { [pscustomobject]@{ image = './a.png'; shot = 'mine' }; @{ image = "$folder/a.png"; prompt = 'x' } } |
                Start-ComfyRun -Deployment portrait -LabelColumn shot
            """);
        Assert.Equal(["mine", "a.png"], run.Runs.Select(r => r.Label));
        Assert.Equal(["one", "one"], run.Runs.Select(ContentOfImage));
        Assert.Equal(1, Count("POST", Upload));
    }

    [Fact]
    public void A_file_that_is_overwritten_before_its_upload_is_not_taken_for_the_row()
    {
        string path = _folder.Write("frame.png", "frame 0");
        Engine.Set("overwrite", new Action<int>(i =>
        {
            File.WriteAllText(path, $"frame {i}");
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(i));
        }));
        EngineRun run = Engine.Run("0..11 | ForEach-Object { $overwrite.Invoke($_); [pscustomobject]@{ image = \"$folder/frame.png\"; scale = 2 + $_ / 4 } } | Start-ComfyRun upscale-4k");
        Assert.Equal(12, run.Runs.Count);
        for (int i = 0; i < 12; i++)
        {
            if (run.Runs[i].RunId is null) Assert.Contains("changed while it was to be uploaded", run.Runs[i].Error, StringComparison.Ordinal);
            else Assert.Equal($"frame {i}", ContentOfImage(run.Runs[i]));
        }
        Assert.Equal("frame 0", ContentOfImage(run.Runs[0]));
    }

    [Fact]
    public void A_link_to_a_file_is_uploaded_as_the_file()
    {
        string path = _folder.Write("a.png", "a longer content than the name of the link");
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "b.png"), path);
        Assert.Equal("a longer content than the name of the link", ContentOfImage(Engine.Run("Start-ComfyRun upscale-4k @{ image = \"$folder/b.png\" }").One<ComfyRun>()));
    }

    [Fact]
    public void A_row_that_is_still_uploading_when_the_pipeline_is_cut_is_not_queued()
    {
        for (int i = 0; i < 12; i++) _folder.Write($"{i:00}.png", i < 2 ? $"early {i}" : $"late-{i}");
        Emulator.AddFault("POST /file/upload = hang body=late always");
        EngineRun run = Engine.RunWithErrors("$items.Invoke() | Start-ComfyRun upscale-4k -InputName image | ForEach-Object { $_; if ($_.Label -eq '01.png') { throw 'enough' } }");
        Assert.Equal(["00.png", "01.png"], run.Runs.Select(r => r.Label));
        Assert.Equal(run.Runs.Select(r => r.RunId), Emulator.Runs.Select(r => r.RunId));
    }

    [Theory]
    [InlineData("@('a.png', 'b.png')")]
    [InlineData("'[\"https://host/a.png\", \"https://host/b.png\"]'")]
    [InlineData("5")]
    [InlineData("$true")]
    [InlineData("' '")]
    public void What_is_not_one_file_is_refused(string value)
    {
        _folder.Write("a.png", "a");
        _folder.Write("b.png", "b");
        EngineRun run = Engine.RunWithErrors($"$null = $ExecutionContext.SessionState.Path.SetLocation($folder); Start-ComfyRun upscale-4k @{{ image = {value} }}");
        Assert.Contains("Input 'image' takes one file", run.Error(ErrorIds.InvalidInput).ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Runs);
    }

    [Theory]
    [InlineData("@{ image = 'abcd/' * 100000 }")]
    [InlineData("@{ image = '[\"\\ud800\"]' }")]
    [InlineData("@{ prompt = [IO.FileInfo]'/nope/nope.png' } -SkipInputCheck")]
    public void Odd_texts_and_missing_files_are_documented_errors(string arguments)
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait " + arguments);
        run.Error(ErrorIds.FileNotFound);
        Assert.Empty(Emulator.Runs);
    }

    [Fact]
    public void A_link_is_sent_without_the_blanks_around_it()
    {
        Engine.Run("Start-ComfyRun upscale-4k @{ image = ' https://example.com/a.png ' }");
        Assert.Equal("""{"image":"https://example.com/a.png"}""", Assert.Single(Emulator.Runs).Inputs);
    }

    [Fact]
    public void Links_that_expire_are_warned_of_once()
    {
        _folder.Write("a #private.png", "one");
        _folder.Write("b #private.png", "two");
        EngineRun run = Engine.Run("$items.Invoke() | Start-ComfyRun upscale-4k -InputName image");
        Assert.Contains("expire at", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.Equal(["one", "two"], run.Runs.Select(ContentOfImage));
    }

    [Fact]
    public void An_uploaded_file_is_a_value()
    {
        _folder.Write("a.png", "one");
        EngineRun run = Engine.Run("""
            $file = Send-ComfyFile "$folder/a.png"
            Start-ComfyRun upscale-4k @{ image = $file }
            $file | Start-ComfyRun upscale-4k -InputName image
            """);
        Assert.Equal(["one", "one"], run.Runs.Select(ContentOfImage));
        Assert.Equal(1, Count("POST", Upload));
    }

    [Fact]
    public void The_same_content_is_uploaded_once_for_many_rows()
    {
        for (int i = 0; i < 40; i++) _folder.Write($"{i:00}.png", i % 4 == 0 ? "same" : $"own {i}");
        EngineRun run = Engine.Run("$items.Invoke() | Start-ComfyRun upscale-4k -InputName image");
        Assert.Equal(31, Count("POST", Upload));
        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"{i:00}.png"), run.Runs.Select(r => r.Label));
        Assert.Equal(Enumerable.Range(0, 40).Select(i => i % 4 == 0 ? "same" : $"own {i}"), run.Runs.Select(ContentOfImage));
        Assert.Equal(40, Emulator.Runs.Count);
    }

    [Fact]
    public void A_file_that_cannot_be_uploaded_refuses_its_own_row()
    {
        _folder.Write("a.png", "one");
        _folder.Write("b.txt", "two");
        _folder.Write("c.png", "three");
        EngineRun run = Engine.Run("""
            & { $items.Invoke(); 'missing.png' } | Start-ComfyRun upscale-4k -InputName image
            """);
        Assert.Equal(["not-started", "not-queued", "not-started", "not-queued"], run.Runs.Select(r => r.Status));
        Assert.Contains("b.txt", run.Runs[1].Error, StringComparison.Ordinal);
        Assert.Equal(Path.Combine(_folder.Path, "b.txt"), run.Runs[1].Inputs!.Properties["image"].Value);
        Assert.Contains("there is no file 'missing.png'", run.Runs[3].Error, StringComparison.Ordinal);
        Assert.Equal(2, Emulator.Runs.Count);
        Assert.Equal(2, Count("POST", Upload));
    }

    [Fact]
    public void A_file_for_an_input_that_takes_none_is_refused()
    {
        _folder.Write("a.png", "one");
        EngineRun run = Engine.RunWithErrors("$items.Invoke() | Start-ComfyRun portrait -InputName prompt");
        Assert.Equal("not-queued", Assert.Single(run.Runs).Status);
        Assert.Empty(Emulator.Runs);
        Assert.Equal(0, Count("POST", Upload));
    }

    [Fact]
    public void WhatIf_uploads_nothing_and_shows_the_path()
    {
        _folder.Write("a.png", "one");
        EngineRun run = Engine.Run("Start-ComfyRun upscale-4k @{ image = \"$folder/a.png\" } -WhatIf");
        Assert.Contains("a.png", run.Shown, StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", Upload));
        Assert.Empty(Emulator.Runs);
    }

    [Fact]
    public void An_upload_that_fails_for_a_moment_is_repeated()
    {
        _folder.Write("a.png", "one");
        Emulator.AddFault("POST /file/upload = 503 x2");
        EngineRun run = Engine.Run("Start-ComfyRun upscale-4k @{ image = \"$folder/a.png\" } -Connection $hasty", ("hasty", WithoutPauses()));
        Assert.Equal("one", ContentOfImage(run.One<ComfyRun>()));
        Assert.Equal(3, Count("POST", Upload));
    }

    [Fact]
    public void An_upload_does_not_outlast_the_timeout()
    {
        _folder.Write("a.png", "one");
        Emulator.AddFault("POST /file/upload = hang");
        EngineRun run = Engine.RunWithErrors("$items.Invoke() | Start-ComfyRun upscale-4k -InputName image -Wait -Timeout 1");
        Assert.Contains("was over before", Assert.Single(run.Runs).Error, StringComparison.Ordinal);
        Assert.Empty(Emulator.Runs);
    }

    private protected override void Dispose(bool disposing)
    {
        if (disposing) _folder.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>What the link in the run's input leads to.</summary>
    private static string ContentOfImage(ComfyRun run)
    {
        using HttpClient http = new();
        using HttpRequestMessage request = new(HttpMethod.Get, (string)run.Inputs!.Properties["image"].Value);
        using HttpResponseMessage response = http.Send(request);
        using StreamReader reader = new(response.Content.ReadAsStream());
        return reader.ReadToEnd();
    }
}
