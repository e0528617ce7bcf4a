using System.Management.Automation;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands.Files;

public sealed class SendComfyFileTests : OutputsTest
{
    private const string UploadPath = "/api/file/upload";

    [Fact]
    public async Task Files_are_uploaded_in_the_order_of_the_input()
    {
        string[] names = [.. Enumerable.Range(0, 20).Select(i => $"{i:00}.png")];
        foreach (string name in names) Write(name);
        Emulator.AddFault("POST /file/upload = latency 100ms x3");
        EngineRun run = Engine.Run("$names | ForEach-Object { [pscustomobject]@{ PSPath = \"$folder/$_\" } } | Send-ComfyFile", ("names", names));
        IReadOnlyList<ComfyFile> files = run.All<ComfyFile>();
        Assert.Equal(names, files.Select(file => file.FileName));
        Assert.Equal(names, files.Select(file => Path.GetFileName(file.Path)));
        Assert.All(files, file => Assert.Equal(("image", 6L, "test"), (file.Kind, file.Length, file.ConnectionName)));
        using HttpClient http = new();
        foreach (ComfyFile file in files)
        {
            using HttpResponseMessage stored = await http.GetAsync(file.Url);
            using StreamReader reader = new(await stored.Content.ReadAsStreamAsync());
            Assert.Equal(file.FileName, await reader.ReadToEndAsync());
        }
        Assert.Equal(20, Uploads);
        Assert.Empty(run.Warnings);
    }

    [Theory]
    [InlineData("cat photo.png")]
    [InlineData("größe 写真 🦊.png")]
    [InlineData("[a] b.png")]
    [InlineData("it's; \"quoted\".png")]
    public void Any_name_can_be_sent(string name)
    {
        string path = Write(name);
        Engine.Set("path", path);
        foreach (string script in (string[])["Send-ComfyFile -LiteralPath $path", "[pscustomobject]@{ PSPath = $path } | Send-ComfyFile", "Send-ComfyFile ([WildcardPattern]::Escape($path))"])
        {
            Assert.Equal(name, Engine.Run(script).One<ComfyFile>().FileName);
        }
        Assert.Equal(1, Uploads);
    }

    [Fact]
    public void Wildcards_mean_files()
    {
        Write("a.png");
        Write("b.png");
        Directory.CreateDirectory(Path.Combine(Folder, "c.png"));
        EngineRun run = Engine.Run("\"$folder/b.*\", \"$folder/[ac].png\" | Send-ComfyFile");
        Assert.Equal(["b.png", "a.png"], run.All<ComfyFile>().Select(file => file.FileName));
        Assert.Equal(2, Uploads);
    }

    [Fact]
    public void What_cannot_be_sent_is_reported_last_and_stops_nothing()
    {
        Write("a.png");
        Write("b.txt");
        Write("z.png");
        EngineRun run = Engine.RunWithErrors("""
            $ErrorActionPreference = 'Stop'
            & { "$folder/none.png"; $folder; "$folder/a.png"; "$folder/b.txt"; "$folder/*.gif"; 'Env:/HOME'; 'nodrive:/x'; "$folder/z.png" } | Send-ComfyFile -ErrorAction Continue
            """);
        Assert.Equal(["a.png", "z.png"], run.All<ComfyFile>().Select(file => file.FileName));
        Assert.Equal(
            [
                (ErrorIds.FileNotFound, $"There is no file '{Folder}/none.png'."),
                (ErrorIds.FileNotFound, $"'{Folder}' is a folder, not a file. Send its files: Get-ChildItem -LiteralPath {Folder} -File | Send-ComfyFile"),
                (ErrorIds.FileTypeNotSupported, $"The service does not accept '{Folder}/b.txt': it refuses text files by the extension of their names. "
                    + "It accepts images, videos, audio, archives, and extensions that it does not know."),
                (ErrorIds.FileNotFound, $"No file matches '{Folder}/*.gif'. If the brackets belong to the name of a file, use -LiteralPath."),
                (ErrorIds.InvalidInput, "'Env:/HOME' is not a file system path."),
            ],
            run.Errors.Take(5).Select(error => (IdOf(error), error.ToString())));
        Assert.Equal(ErrorIds.FileNotFound, IdOf(run.Errors[5]));
        Assert.Equal(6, run.Errors.Count);
        Assert.Equal($"{Folder}/none.png", run.Errors[0].TargetObject);
        Assert.Equal(2, Uploads);
    }

    [Fact]
    public void A_file_that_fails_affects_no_other_and_its_error_names_it()
    {
        Write("a.png");
        Write("b.png");
        Hasten();
        Emulator.AddFault("POST /file/upload = 409");
        EngineRun run = Engine.RunWithErrors("Send-ComfyFile $folder/a.png; Send-ComfyFile $folder/b.png");
        Assert.Equal("b.png", run.One<ComfyFile>().FileName);
        Assert.StartsWith($"'{Folder}/a.png' was not uploaded: ", Assert.Single(run.Errors).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_rejected_key_is_one_error()
    {
        for (int i = 0; i < 10; i++) Write($"{i}.png");
        Emulator.AddFault("POST /file/upload = 401 always");
        Assert.Equal(ErrorIds.ApiKeyRejected, IdOf(Assert.Single(Engine.RunWithErrors("Send-ComfyFile $folder/*.png").Errors)));
    }

    [Fact]
    public void Nothing_is_sent_with_WhatIf()
    {
        Write("a.png");
        EngineRun run = Engine.Run("Send-ComfyFile $folder/a.png -WhatIf");
        Assert.Empty(run.Objects);
        Assert.Contains($"\"Upload to connection 'test'\" on target \"{Folder}/a.png\"", run.Shown, StringComparison.Ordinal);
        Assert.Empty(Emulator.Requests);
    }

    [Fact]
    public void One_warning_tells_when_links_expire_and_no_text_has_a_signature()
    {
        Write("a #private.png");
        Write("b #private.png");
        EngineRun run = Engine.Run("$DebugPreference = 'Continue'; $files = Send-ComfyFile $folder/*.png -Verbose; $files | Out-Default; $files");
        DateTime end = run.All<ComfyFile>()[0].ExpiresAt!.Value;
        Assert.InRange((end.ToUniversalTime() - Emulator.Now).TotalMinutes, 59, 60);
        Assert.Contains($" expire at {end:yyyy-MM-dd HH:mm}, ", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.DoesNotContain("X-Amz", string.Join('\n', [run.Shown, .. run.Warnings, .. run.Verbose, .. run.Debug]), StringComparison.Ordinal);
        Assert.Contains("X-Amz-Signature", run.All<ComfyFile>()[0].ToString(), StringComparison.Ordinal);

        Emulator.Advance(TimeSpan.FromMinutes(55));
        Engine.Run("Get-ComfyDeployment; Send-ComfyFile '$folder/a #private.png'".Replace("'", "\"", StringComparison.Ordinal));
        Assert.Equal(3, Uploads);
    }

    [Fact]
    public void The_text_of_a_file_is_an_input()
    {
        Write("a.png");
        EngineRun run = Engine.Run("$file = Send-ComfyFile $folder/a.png; $file; $null = Start-ComfyRun upscale-4k @{ image = \"$file\" }");
        Assert.Contains(run.One<ComfyFile>().Url.AbsoluteUri, Assert.Single(Emulator.Runs).Inputs, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bar_counts_bytes_and_files()
    {
        List<ProgressRecord> records = [];
        ManualClock clock = new() { Runs = false };
        ProgressBar bar = new(records.Add, clock);
        UploadProgress progress = new();
        Action<long> first = progress.Add(3 * 1024 * 1024);
        Action<long> second = progress.Add(1024 * 1024);
        first(1024 * 1024);
        first(2 * 1024 * 1024);
        second(512 * 1024);
        // Another try begins again.
        second(0);
        second(1024 * 1024);
        progress.Finish();
        clock.Advance(TimeSpan.FromSeconds(30));
        progress.ShowOn(bar, isAll: true);
        ProgressRecord shown = Assert.Single(records);
        Assert.Equal(("Uploading 2 files", "1/2 · 3.0 of 4.0 MB · ETA 10s", 75), (shown.Activity, shown.StatusDescription, shown.PercentComplete));
        // More files may come, so that the end is not known.
        progress.ShowOn(bar, isAll: false);
        Assert.Equal("1/2 · 3.0 of 4.0 MB", records[1].StatusDescription);
        Assert.Equal(("Uploading 2 files", "1/2 · 3.0 of 4.0 MB", (int?)75), (progress.Line().Activity, progress.Line().Status, progress.Line().Percent));
    }

    private int Uploads => Count("POST", UploadPath);

    private string Write(string name)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllText(path, name);
        return path;
    }
}
