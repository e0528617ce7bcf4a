using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Many files at once: connections, memory, and what starts when something else fails.</summary>
public sealed class ManyDownloadsTests() : OutputsTest(speed: 150)
{
    private const int Runs = 200;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(null)]
    public async Task Connections_stay_within_the_limit(int? limit)
    {
        using FileStorage storage = new(1000, held: true);
        Engine.Set("runs", Batch(10, storage));
        using Underway saving = Engine.Begin($"$runs | Save-ComfyRunOutput $folder {(limit is null ? "" : $"-ThrottleLimit {limit}")}");
        await UntilAsync(() => storage.Requests.Count == (limit ?? 8));
        storage.Release();
        Assert.Equal(30, saving.Finish().Objects.Count);
        Assert.Equal(limit ?? 8, storage.MaxConnections);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(65)]
    public void A_limit_of_zero_or_too_many_is_rejected(int limit) =>
        Assert.Contains("ParameterArgumentValidationError", Engine.RunWithErrors($"Save-ComfyRunOutput $folder -RunId {MissingId} -ThrottleLimit {limit}").Errors[0].FullyQualifiedErrorId, StringComparison.Ordinal);

    [Fact]
    public void Files_are_written_in_the_order_of_the_runs_and_memory_does_not_grow()
    {
        const int Length = 300_000;
        using FileStorage storage = new(Length);
        ComfyRun[] runs = Batch(Runs, storage);
        Engine.Set("runs", runs);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0;
        Engine.Set("look", new Action(() => most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true))));
        EngineRun run = Engine.Run("$i = 0; $runs | Save-ComfyRunOutput $folder -ThrottleLimit 4 | ForEach-Object { if ($i++ % 20 -eq 0) { $look.Invoke() }; $_ }");
        Assert.Equal(runs.SelectMany(r => Enumerable.Range(0, 3).Select(i => (r.RunId, i))), run.Objects.Select(file => ((string?)file.Properties["RunId"].Value, (int)file.Properties["Index"].Value)));
        Assert.All(run.All<FileInfo>(), file => Assert.Equal(Length, file.Length));
        Assert.InRange(storage.MaxConnections, 1, 4);
        // 180 MB were downloaded; the objects of 600 files and the buffers of four downloads are a small part of that.
        Assert.InRange(most - before, long.MinValue, 64_000_000);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 16_000_000);
    }

    [Fact]
    public void Two_hundred_runs_are_saved_while_others_still_run()
    {
        // One takes minutes, and is polled long after the others are saved.
        string[] ids = [.. Engine.Run($"1..{Runs} | ForEach-Object {{ @{{ prompt = if ($_ -eq 1) {{ '#multi #time=290' }} else {{ '#multi #fast' }}; seed = $_ }} }} | Start-ComfyRun -Deployment portrait")
            .Runs.Select(run => run.RunId!)];
        EngineRun run = Engine.Run("$ids | Wait-ComfyRun | Save-ComfyRunOutput $folder", ("ids", ids));
        Assert.Equal((600, 600, 600), (run.Objects.Count, Files.Length, Downloads.Count));
        Assert.Equal(ids.Order(), run.Objects.Select(file => (string)file.Properties["RunId"].Value).Distinct().Order());
        int firstDownload = Downloads[0].Number;
        int lastPoll = Emulator.Requests.Last(request => request is { IsStorage: false, Method: "GET" } && request.Path.StartsWith("/api/run/", StringComparison.Ordinal)).Number;
        Assert.True(firstDownload < lastPoll, $"The first download was request {firstDownload}, the last look at a run {lastPoll}.");
        Assert.DoesNotContain(Files, file => file.EndsWith(".part", StringComparison.Ordinal));
    }

    [Fact]
    public void When_another_cmdlet_throws_started_downloads_finish_and_no_other_starts()
    {
        using FileStorage storage = new(100_000, bytesPerSecond: 200_000);
        using ManualResetEventSlim begun = new();
        ComfyRun[] runs = Batch(4, storage);
        Engine.Set("runs", runs);
        Engine.Set("wait", new Action(() => SpinWait.SpinUntil(() => storage.Requests.Count == 2, EngineFixture.Limit)));
        EngineRun run = Engine.RunWithErrors("& { $runs; $wait.Invoke(); throw 'boom' } | Save-ComfyRunOutput $folder -ThrottleLimit 2");
        Assert.Contains("boom", Assert.Single(run.Errors).ToString(), StringComparison.Ordinal);
        Assert.Empty(run.Objects);
        Assert.Equal(2, storage.Requests.Count);
        Assert.Equal(2, Files.Length);
        Assert.All(Files, file => Assert.Equal(storage.File, File.ReadAllBytes(Path.Combine(Folder, file))));
    }

    [Fact]
    public void When_the_pipeline_stops_early_started_downloads_finish_too()
    {
        using FileStorage storage = new(1000);
        Engine.Set("runs", Batch(20, storage));
        Engine.RunWithErrors("$runs | Save-ComfyRunOutput $folder -ThrottleLimit 2 | ForEach-Object { throw 'enough' }");
        Assert.InRange(Files.Length, 1, 59);
        Assert.Equal(storage.Requests.Count, Files.Length);
        Assert.All(Files, file => Assert.Equal(storage.File, File.ReadAllBytes(Path.Combine(Folder, file))));
    }

    [Fact]
    public async Task Closed_work_finishes_started_items_and_starts_no_others()
    {
        OrderedWork<int> work = new(2);
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int begun = 0;
        for (int i = 0; i < 6; i++)
        {
            int result = i;
            work.Add(
                async _ =>
                {
                    Interlocked.Increment(ref begun);
                    await release.Task;
                    return result;
                },
                default);
        }
        work.Close();
        release.SetResult();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work.Rest.WaitAsync(EngineFixture.Limit));
        Assert.Equal(2, begun);
    }

    private ComfyRun[] Batch(int count, FileStorage storage) =>
        [.. Enumerable.Range(0, count).Select(i => Whole($"{i:00000000}-1111-4222-8333-444455556666", [.. Enumerable.Range(0, 3).Select(k => ($"{k}.png", storage.Link($"{i}/{k}")))]))];
}
