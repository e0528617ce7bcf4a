using System.Globalization;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

// What a look for reasons may cost: little time, no retries, and no list that cannot help.
public sealed partial class FailureReasonTests
{
    [Fact]
    public async Task A_service_that_does_not_answer_is_left_after_five_seconds()
    {
        ComfyRun run = Failed("a");
        ScriptedHandler silent = new(async (_, stop) =>
        {
            await Task.Delay(Timeout.Infinite, stop);
            return Reply.Status(500);
        });
        ClientUnderTest test = new(silent, new() { Runs = false });
        Task fill = new FailureReasons(test.Client, test.Log).FillAsync([run], default);
        test.Clock.Advance(TimeSpan.FromSeconds(3));
        Assert.True(SpinWait.SpinUntil(() => silent.Requests.Count == 2, ClientUnderTest.Limit));
        test.Clock.Advance(TimeSpan.FromSeconds(2));
        await fill.WaitAsync(ClientUnderTest.Limit);
        Assert.Null(run.Error);
    }

    [Fact]
    public async Task A_failure_is_not_tried_again()
    {
        ScriptedHandler broken = new(_ => Reply.Status(503));
        ClientUnderTest test = new(broken, new() { Runs = false });
        await new FailureReasons(test.Client, test.Log).FillAsync([Failed("a")], default).WaitAsync(ClientUnderTest.Limit);
        Assert.Equal(3, broken.Requests.Count);
        Assert.Empty(test.Log.Warnings);
    }

    [Fact]
    public async Task Old_runs_cost_two_lists_however_many_batches_there_are()
    {
        for (int i = 0; i < 300; i++) _outputsById[$"new{i}"] = NodeError;
        for (int batch = 0; batch < 10; batch++)
        {
            await FillAsync([.. Enumerable.Range(0, 8).Select(i => Ended($"old{batch}-{i}", TimeSpan.FromDays(3)))]);
        }
        Assert.Equal((2, 80), (Lists, Logs));
    }

    [Fact]
    public async Task A_run_that_ended_since_the_last_list_is_looked_for_again()
    {
        for (int i = 0; i < 300; i++) _outputsById[$"r{i}"] = NodeError;
        await FillAsync(Ended("unknown", TimeSpan.FromHours(1)));
        int lists = Lists;
        _test.Clock.Advance(TimeSpan.FromMinutes(1));
        _outputsById.Clear();
        _outputsById["later"] = NodeError;
        ComfyRun later = Ended("later", TimeSpan.Zero);
        await FillAsync(later);
        Assert.Equal("KSampler: CUDA out of memory", later.Error);
        Assert.Equal(lists + 1, Lists);
    }

    [Fact]
    public async Task Runs_that_fail_during_a_look_are_one_batch()
    {
        ComfyRun[] runs = [.. Enumerable.Range(0, 20).Select(i => Failed(i.ToString(CultureInfo.InvariantCulture)))];
        foreach (ComfyRun run in runs) _outputsById[run.RunId!] = NodeError;
        await Task.WhenAll(runs.Select(run => _reasons.FillAsync(run, default))).WaitAsync(ClientUnderTest.Limit);
        Assert.All(runs, run => Assert.Equal("KSampler: CUDA out of memory", run.Error));
        Assert.Equal((1, 0), (Lists, Logs));
    }

    private ComfyRun Ended(string id, TimeSpan ago) =>
        new() { RunId = id, Status = "failed", WorkflowId = "w", EndedAt = (_test.Clock.Now - ago).ToLocalTime() };
}
