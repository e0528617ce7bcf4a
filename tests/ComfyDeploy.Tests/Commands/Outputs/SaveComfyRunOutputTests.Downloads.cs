using System.Diagnostics;
using System.Management.Automation;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Failing downloads: retried, given up, stopped; never a partial file under a final name.</summary>
public sealed class DownloadTests : OutputsTest
{
    private const string Id = "0a1b2c3d-1111-4222-8333-444455556666";

    [Theory]
    [InlineData("cut")]
    [InlineData("wronglength")]
    [InlineData("503")]
    [InlineData("503 retry-after=1")]
    [InlineData("500")]
    [InlineData("lost")]
    public void A_transient_failure_is_retried_and_the_file_is_complete(string fault)
    {
        Hasten();
        string id = Ended("a");
        // HttpClient itself repeats a GET that ended before the first byte of the response, up to four times.
        Emulator.AddFault($"GET /outputs/* = {fault} x{(fault == "lost" ? 10 : 2)}");
        EngineRun run = Engine.Run("Save-ComfyRunOutput $folder -RunId $id", ("id", id));
        Assert.NotEmpty(run.Warnings);
        Assert.All(run.Warnings, warning => Assert.Contains($"Output 0 of run {id}", warning, StringComparison.Ordinal));
        string again = Engine.Run("Save-ComfyRunOutput $folder/again -RunId $id").One<FileInfo>().FullName;
        Assert.Equal(File.ReadAllBytes(again), File.ReadAllBytes(run.One<FileInfo>().FullName));
    }

    [Fact]
    public void A_stalled_download_is_aborted_and_retried()
    {
        string id = Ended("a");
        Emulator.AddFault("GET /outputs/* = hang");
        EngineRun run = Engine.Run("Save-ComfyRunOutput $folder -RunId $id -Connection $impatient", ("id", id), ("impatient", ConnectionTo(Emulator, "impatient", requestTimeout: TimeSpan.FromMilliseconds(200))));
        Assert.Contains("no byte within 0.2 s", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.Equal(2, Downloads.Count);
    }

    [Fact]
    public void A_slow_storage_is_not_a_stalled_one()
    {
        string id = Ended("#file");
        Emulator.AddFault("GET /outputs/* = drip 16");
        EngineRun run = Engine.Run("Save-ComfyRunOutput $folder -RunId $id -Connection $impatient", ("id", id), ("impatient", ConnectionTo(Emulator, "impatient", requestTimeout: TimeSpan.FromMilliseconds(1500))));
        Assert.Empty(run.Warnings);
        Assert.Single(Downloads);
    }

    [Fact]
    public void A_permanent_failure_is_reported_last_with_its_output_and_the_others_are_saved()
    {
        Hasten();
        string id = Ended("#multi");
        Emulator.AddFault("GET /outputs/*00002* = 503 always");
        EngineRun run = Engine.RunWithErrors("$ErrorActionPreference = 'Stop'; Save-ComfyRunOutput $folder -RunId $id", ("id", id));
        Assert.True(run.Threw);
        Assert.Equal([0, 2], run.Objects.Select(file => file.Properties["Index"].Value));
        Assert.Equal(2, Files.Length);
        ErrorRecord error = run.Error("DownloadFailed");
        Assert.Contains($"Output 1 of run {id}", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("HTTP 503", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, Assert.IsType<ComfyRunOutput>(error.TargetObject).Index);
        Assert.Equal(2 + 5, Downloads.Count);
        Emulator.ClearFaults();
        Engine.Run("$failed | Save-ComfyRunOutput $folder", ("failed", error.TargetObject));
        Assert.Equal(3, Files.Length);
    }

    [Theory]
    [InlineData(404)]
    [InlineData(410)]
    public void A_missing_file_is_not_retried(int status)
    {
        string id = Ended("a");
        Emulator.AddFault($"GET /outputs/* = {status} always");
        Engine.RunWithErrors("Save-ComfyRunOutput $folder -RunId $id", ("id", id)).Error("DownloadFailed");
        Assert.Single(Downloads);
    }

    [Fact]
    public void An_expired_link_is_renewed_by_reading_its_run_again()
    {
        string id = Ended("#private #multi");
        Engine.Run("$run = Get-ComfyRun $id", ("id", id));
        Emulator.Advance(TimeSpan.FromHours(2));
        EngineRun run = Engine.Run("($run | Get-ComfyRunOutput)[1] | Save-ComfyRunOutput $folder -Verbose");
        Assert.EndsWith("_01_ComfyUI_00002_.png", run.One<FileInfo>().Name, StringComparison.Ordinal);
        Assert.Equal((2, 2), (Polls(id), Downloads.Count));
        Assert.Single(run.Verbose, line => line.StartsWith($"Output 1 of run {id}: the link had expired", StringComparison.Ordinal));
        Assert.Empty(run.Warnings);
    }

    [Fact]
    public void A_link_is_renewed_once_only()
    {
        string id = Ended("a");
        Emulator.AddFault("GET /outputs/* = 403 always");
        Assert.Contains("HTTP 403", Engine.RunWithErrors("Save-ComfyRunOutput $folder -RunId $id", ("id", id)).Error("DownloadFailed").ToString(), StringComparison.Ordinal);
        Assert.Equal((2, 2), (Polls(id), Downloads.Count));
    }

    [Fact]
    public void A_link_with_another_scheme_is_rejected()
    {
        string secret = Path.Combine(Folder, "secret");
        File.WriteAllText(secret, "mine");
        EngineRun run = Engine.RunWithErrors("$run | Save-ComfyRunOutput $folder/x", ("run", Whole(Id, ("a", new Uri("file://" + secret)), ("b", new Uri("ftp://127.0.0.1/b")))));
        Assert.Equal(["DownloadFailed", "DownloadFailed"], run.Errors.Select(IdOf));
        Assert.Equal(["secret"], Files);
    }

    [Fact]
    public void A_disk_write_error_is_reported_and_not_retried()
    {
        using FileStorage storage = new(10);
        Directory.CreateDirectory(Path.Combine(Folder, "a.part"));
        File.WriteAllText(Path.Combine(Folder, "dir"), "a file where a folder should be");
        ComfyRun run = Whole(Id, ("a", storage.Link("a")), ("b", storage.Link("b")));
        EngineRun first = Engine.RunWithErrors("$run | Save-ComfyRunOutput $folder -NameTemplate '{FileName}'", ("run", run));
        Assert.Contains("cannot be written", first.Error("DownloadFailed").ToString(), StringComparison.Ordinal);
        Assert.Equal("b", first.One<FileInfo>().Name);
        Assert.Equal(2, Engine.RunWithErrors("$run | Save-ComfyRunOutput $folder -NameTemplate 'dir/{FileName}'").Errors.Count);
        Assert.Equal(2, storage.Requests.Count);
    }

    [Fact]
    public async Task A_part_that_cannot_be_deleted_costs_no_other_file()
    {
        using FileStorage slow = new(20_000, bytesPerSecond: 20_000);
        using FileStorage quick = new(10);
        Engine.Set("run", Whole(Id, ("a", slow.Link("a")), ("b", quick.Link("b"))));
        string part = Path.Combine(Folder, "a.part");
        using Underway saving = Engine.Begin("$run | Save-ComfyRunOutput $folder -NameTemplate '{FileName}'");
        await UntilAsync(() => File.Exists(part));
        File.Delete(part);
        Directory.CreateDirectory(part);
        EngineRun run = saving.Finish();
        run.Error("DownloadFailed");
        Assert.Equal("b", run.One<FileInfo>().Name);
        Assert.Contains(part, Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_file_that_another_process_writes_is_left_alone()
    {
        using FileStorage storage = new(10);
        string part = Path.Combine(Folder, "a.part");
        using (FileStream other = new(part, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            Engine.RunWithErrors("$run | Save-ComfyRunOutput $folder -NameTemplate '{FileName}'", ("run", Whole(Id, ("a", storage.Link("a"))))).Error("DownloadFailed");
            Assert.True(File.Exists(part));
        }
        Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate '{FileName}'");
        Assert.Equal(["a"], Files);
    }

    [Fact]
    public async Task Ctrl_C_ends_downloads_at_once_and_leaves_no_partial_file()
    {
        using FileStorage storage = new(200_000, bytesPerSecond: 20_000);
        TimeSpan quickest = TimeSpan.MaxValue;
        for (int attempt = 0; attempt < 3; attempt++)
        {
            // The machine may be busy, so the best of three counts.
            string folder = Path.Combine(Folder, $"{attempt}");
            Engine.Set("into", folder);
            Engine.Set("run", Whole(Id, [.. Enumerable.Range(0, 12).Select(i => ($"{i}", storage.Link($"{i}")))]));
            using Underway saving = Engine.Begin("$run | Save-ComfyRunOutput $into");
            await UntilAsync(() => Directory.Exists(folder) && Directory.GetFiles(folder, "*.part").Length == 8);
            Stopwatch watch = Stopwatch.StartNew();
            saving.Stop();
            quickest = watch.Elapsed < quickest ? watch.Elapsed : quickest;
            Assert.Empty(saving.Errors);
            await UntilAsync(() => Directory.GetFiles(folder).Length == 0);
        }
        Assert.InRange(quickest.TotalMilliseconds, 0, 200);
        Assert.Equal(3 * 8, storage.Requests.Count);
    }

    [Fact]
    public async Task Ctrl_C_ends_a_save_that_waits_for_the_service()
    {
        string id = Ended("a");
        Emulator.AddFault("GET /run/* = hang always");
        using Underway saving = Engine.Begin($"Save-ComfyRunOutput $folder -RunId {id}");
        await UntilAsync(() => Polls(id) > 0);
        saving.Stop();
        Assert.Equal(PSInvocationState.Stopped, saving.State);
        Assert.Empty(saving.Errors);
    }
}
