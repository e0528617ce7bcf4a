using ComfyDeploy.Client;
using ComfyDeploy.Tests.Campaign;
using ComfyDeploy.Tests.Engine;
using Xunit.Abstractions;

namespace ComfyDeploy.Tests.Client;

/// <summary>What a wait costs in requests, and how long after its end a run comes out.</summary>
[Collection(ProcessWide.Name)]
public sealed class WaitSimulationTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("None", 0, 16, 2.1)]
    [InlineData("None", 20, 12, 0.5)]
    [InlineData("Works", 20, 6, 0.3)]
    [InlineData("Works", 0, 7, 0.3)]
    public void One_run_of_30_seconds(string doorbell, int history, int requests, double lag) =>
        Check(Wait(doorbell, runs: 1, slots: 8, seconds: 24, jitter: 0.02, history), requests, lag);

    [Theory]
    [InlineData("None", 20, 12, 6)]
    [InlineData("Works", 20, 12, 0.5)]
    public void One_run_of_600_seconds(string doorbell, int history, int requests, double lag) =>
        Check(Wait(doorbell, runs: 1, slots: 8, seconds: 600, jitter: 0.01, history), requests, lag);

    [Theory]
    [InlineData("None", 0, 130, 1)]
    [InlineData("Works", 0, 130, 1)]
    public void A_hundred_runs_of_10_to_19_seconds(string doorbell, int history, int requests, double lag) =>
        Check(Wait(doorbell, runs: 100, slots: 100, seconds: 14.5, jitter: 0.3, history), requests, lag);

    [Theory]
    [Trait("Category", "Campaign")]
    [InlineData("None", 1_000, 1_500)]
    [InlineData("Works", 1_000, 1_500)]
    [InlineData("None", 100, 3_500)]
    [InlineData("Works", 100, 2_700)]
    public void A_thousand_runs_of_10_minutes(string doorbell, int slots, int requests) =>
        Check(Wait(doorbell, runs: 1_000, slots, seconds: 600, jitter: 0.1, history: 0), requests, 11);

    [Theory]
    [InlineData("None", 370)]
    [InlineData("Works", 180)]
    public void A_hundred_runs_of_10_minutes(string doorbell, int requests) =>
        Check(Wait(doorbell, runs: 100, slots: 100, seconds: 600, jitter: 0.1, history: 0), requests, 6);

    [Theory]
    [InlineData("Hangs")]
    [InlineData("IsSilent")]
    [InlineData("FallsSilent")]
    [InlineData("Ends")]
    [InlineData("Lies")]
    [InlineData("Floods")]
    public void A_broken_doorbell_is_no_worse_than_none(string doorbell) =>
        Check(Wait(doorbell, runs: 40, slots: 40, seconds: 60, jitter: 0.1, history: 0), 140, 3.1);

    [Theory]
    [InlineData(200, 60)]
    [InlineData(200, 60, "Works")]
    public void An_hour_with_faults_sleep_and_an_outage_loses_nothing(int runs, int minutes, string doorbell = "None") =>
        A_night_with_faults_sleep_and_outages_loses_nothing(runs, minutes, doorbell);

    [Theory]
    [Trait("Category", "Campaign")]
    [InlineData(2_000, 600, "Works")]
    [InlineData(2_000, 600)]
    public void A_night_with_faults_sleep_and_outages_loses_nothing(int runs, int minutes, string doorbell = "None")
    {
        using WaitSimulation wait = new(Enum.Parse<DoorbellKind>(doorbell), slots: 20, seconds: 0.9 * 20 * 60 * minutes / runs);
        Random random = new(1);
        bool sleeps = false;
        ComfyRun[] queued = [.. Enumerable.Range(0, runs).Select(_ => wait.Queue())];
        wait.Fault = _ => wait.Elapsed.TotalMinutes % (minutes / 3.0) is > 5 and < 12 ? throw new HttpRequestException("Name or service not known")
            : random.Next(100) > 0 ? null
            : random.Next(3) switch { 0 => Reply.Status(503), 1 => Reply.With(200, "<html>", "text/html"), _ => throw new HttpRequestException("reset") };
        using RunWaiter waiter = wait.Waiter(TimeSpan.FromDays(1));
        foreach (ComfyRun run in queued) waiter.Add(wait.Target(run));
        long early = 0;
        wait.Drain(waiter, () =>
        {
            if (early == 0 && wait.Elapsed.TotalMinutes > minutes / 10.0) early = GC.GetTotalMemory(forceFullCollection: true);
            if (wait.Elapsed.TotalMinutes < minutes / 2.0 || sleeps) return;
            sleeps = true;
            wait.Clock.Skip(TimeSpan.FromMinutes(minutes / 6.0));
        });
        Assert.Equal(queued.Select(run => run.RunId).Order(), wait.Outcomes.Select(outcome => outcome.Run!.RunId).Order());
        Assert.All(wait.Outcomes, outcome => Assert.Equal(WaitEnd.Finished, outcome.End));
        // Ten requests for each run: the lists, its own, and those that failed.
        Assert.True(wait.Requests.Count < 10 * runs, $"{wait.Requests.Count} requests.");
        output.WriteLine($"{doorbell}, {runs} runs in {wait.Elapsed.TotalHours:0.0} h, {wait.Requests.Count} requests " +
            $"({wait.Count("/v2/workflow/")} lists, {wait.Count("stream-progress")} streams, {wait.Count("/run/")} reads), lag p95 {wait.Percentile(0.95):0.0} s, " +
            $"{(GC.GetTotalMemory(forceFullCollection: true) - early) / 1024} KB more than after a tenth of the time");
    }

    private static void Check(WaitSimulation wait, int requests, double lag)
    {
        Assert.True(wait.Requests.Count <= requests, $"{wait.Requests.Count} requests: {string.Join('\n', wait.Requests.Take(40))}");
        Assert.True(wait.Lags.Max() <= lag, $"Lag {wait.Lags.Max():0.00} s.");
    }

    private WaitSimulation Wait(string doorbell, int runs, int slots, double seconds, double jitter, int history)
    {
        WaitSimulation wait = new(Enum.Parse<DoorbellKind>(doorbell), slots, seconds, jitter);
        wait.MakeHistory(history);
        ComfyRun[] queued = [.. Enumerable.Range(0, runs).Select(_ => wait.Queue())];
        using RunWaiter waiter = wait.Waiter(TimeSpan.FromDays(1));
        foreach (ComfyRun run in queued) waiter.Add(wait.Target(run));
        long before = GC.GetTotalMemory(forceFullCollection: true);
        wait.Drain(waiter);
        long memory = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.Equal(queued.Select(run => run.RunId).Order(), wait.Outcomes.Select(outcome => outcome.Run!.RunId).Order());
        Assert.All(wait.Outcomes, outcome => Assert.Equal(WaitEnd.Finished, outcome.End));
        output.WriteLine($"{doorbell}, {runs} runs of {seconds} s, history {history}: {wait.Requests.Count} requests " +
            $"({wait.Count("/v2/workflow/")} lists, {wait.Count("stream-progress")} streams, {wait.Count("/run/")} reads), lag mean " +
            $"{wait.Lags.Average():0.00} s, p95 {wait.Percentile(0.95):0.00} s, max {wait.Lags.Max():0.00} s, {memory / 1024} KB kept");
        return wait;
    }
}
