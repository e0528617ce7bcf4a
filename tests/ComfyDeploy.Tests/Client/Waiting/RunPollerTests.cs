using ComfyDeploy.Client;
using ComfyDeploy.Tests.Campaign;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Client;

/// <summary>The waits of one connection look together. A list, a history and an announcement say when to look, and decide nothing.</summary>
[Collection(ProcessWide.Name)]
public sealed class RunPollerTests : IDisposable
{
    private const string List = "/v2/workflow/";
    private readonly WaitSimulation _wait = new(DoorbellKind.None, slots: 20, seconds: 30);

    public void Dispose() => _wait.Dispose();

    [Fact]
    public void Two_waits_on_one_connection_share_the_requests()
    {
        ComfyRun[] runs = [.. Enumerable.Range(0, 20).Select(_ => _wait.Queue())];
        using RunWaiter one = _wait.Waiter(TimeSpan.FromHours(1));
        using RunWaiter other = _wait.Waiter(TimeSpan.FromHours(1));
        for (int i = 0; i < runs.Length; i++) (i % 2 == 0 ? one : other).Add(_wait.Target(runs[i]));
        _wait.Drain(one);
        _wait.Drain(other);
        Assert.Equal(20, _wait.Outcomes.Count(outcome => outcome.End == WaitEnd.Finished));
        Assert.Equal(1, _wait.Count("stream-progress"));
        // One a second until the last one ends.
        Assert.InRange(_wait.Count(List), 5, 45);
        Assert.InRange(_wait.Count("/run/"), 20, 24);
    }

    [Fact]
    public void A_wait_goes_on_when_the_one_that_sent_the_request_ends()
    {
        ComfyRun[] runs = [.. Enumerable.Range(0, 20).Select(_ => _wait.Queue())];
        using CancellationTokenSource stop = new();
        using RunWaiter one = new(TimeSpan.FromHours(1), _wait.Clock, _wait.Log, stop.Token);
        using RunWaiter other = _wait.Waiter(TimeSpan.FromHours(1));
        for (int i = 0; i < runs.Length; i++) (i % 2 == 0 ? one : other).Add(_wait.Target(runs[i]));
        _wait.Fault = path =>
        {
            // The first run is due first, so that its wait sends the request.
            if (path.Contains(List, StringComparison.Ordinal)) stop.Cancel();
            return null;
        };
        _wait.Drain(other);
        Assert.Equal(10, _wait.Outcomes.Count);
        Assert.All(_wait.Outcomes, outcome => Assert.Equal(WaitEnd.Finished, outcome.End));
    }

    [Fact]
    public void Runs_that_come_while_the_list_is_read_are_looked_for_the_next_time()
    {
        ComfyRun[] runs = [.. Enumerable.Range(0, 600).Select(_ => _wait.Queue())];
        using RunWaiter waiter = _wait.Waiter(TimeSpan.FromHours(1));
        bool isFirst = true;
        _wait.Pass(TimeSpan.FromSeconds(3));
        _wait.Fault = path =>
        {
            if (!isFirst || !path.Contains(List, StringComparison.Ordinal)) return null;
            isFirst = false;
            foreach (ComfyRun run in runs.Skip(1)) waiter.Add(_wait.Target(run));
            return null;
        };
        waiter.Add(_wait.Target(runs[0]));
        _wait.Drain(waiter);
        Assert.Equal(600, _wait.Outcomes.Count(outcome => outcome.End == WaitEnd.Finished));
        Assert.InRange(_wait.Count("/run/"), 600, 800);
    }

    [Theory]
    [InlineData(404)]
    [InlineData(403)]
    [InlineData(500)]
    [InlineData(503)]
    public void Without_the_list_each_run_is_read_by_itself(int status)
    {
        _wait.Fault = path => path.Contains(List, StringComparison.Ordinal) ? Reply.Status(status) : null;
        ComfyRun[] runs = Add(12, out RunWaiter waiter);
        using (waiter) _wait.Drain(waiter);
        Assert.Equal(runs.Length, _wait.Outcomes.Count(outcome => outcome.End == WaitEnd.Finished));
        Assert.InRange(_wait.Lags.Max(), 0, 5);
        // It is not asked for again and again.
        Assert.InRange(_wait.Count(List), 1, 5);
    }

    [Fact]
    public void A_list_that_is_never_answered_delays_the_runs_by_seconds()
    {
        _wait.Hangs = path => path.Contains(List, StringComparison.Ordinal);
        ComfyRun[] runs = Add(12, out RunWaiter waiter);
        using (waiter) _wait.Drain(waiter);
        Assert.Equal(runs.Length, _wait.Outcomes.Count(outcome => outcome.End == WaitEnd.Finished));
        Assert.InRange(_wait.Lags.Max(), 0, 20);
        Assert.InRange(_wait.Count(List), 1, 5);
        Assert.Empty(_wait.Log.Warnings);
    }

    [Fact]
    public void A_list_that_recovers_is_used_again()
    {
        _wait.Fault = path => path.Contains(List, StringComparison.Ordinal) && _wait.Elapsed < TimeSpan.FromSeconds(20) ? Reply.Status(500) : null;
        ComfyRun[] runs = [.. Enumerable.Range(0, 12).Select(_ => _wait.Queue("fox #time=200"))];
        using RunWaiter waiter = _wait.Waiter(TimeSpan.FromHours(1));
        foreach (ComfyRun run in runs) waiter.Add(_wait.Target(run));
        _wait.Drain(waiter);
        Assert.Contains(_wait.Requests, request => request.Path.Contains(List, StringComparison.Ordinal) && request.At > Begin.AddSeconds(60));
        Assert.Equal(12, _wait.Outcomes.Count);
    }

    [Fact]
    public void An_outage_costs_two_requests_a_look_however_many_runs_wait()
    {
        ComfyRun[] runs = Add(20, out RunWaiter waiter);
        _wait.Fault = _ => _wait.Elapsed.TotalSeconds is >= 5 and < 305 ? throw new HttpRequestException("Name or service not known") : null;
        using (waiter) _wait.Drain(waiter);
        Assert.Equal(runs.Length, _wait.Outcomes.Count(outcome => outcome.End == WaitEnd.Finished));
        int during = _wait.Requests.Count(request => (request.At - Begin).TotalSeconds is >= 5 and < 305);
        Assert.InRange(during, 10, 80);
        Assert.Equal(2, _wait.Log.Warnings.Count);
    }

    [Theory]
    [InlineData("\"running\"", "\"success\"", 5)]
    [InlineData("\"success\"", "\"running\"", 16 * 60)]
    [InlineData("\"success\"", "\"not-started\"", 16 * 60)]
    [InlineData("\"success\"", "\"queued\"", 16 * 60)]
    [InlineData("\"id\":\"", "\"id\":\"x", 10)]
    [InlineData("{", "[", 10)]
    [InlineData("\"created_at\":\"2026", "\"created_at\":\"0001", 5)]
    [InlineData("\"created_at\":\"2026", "\"created_at\":\"9999", 5)]
    [InlineData("\"run_duration\":\"", "\"run_duration\":\"-9", 5)]
    [InlineData("\"workflow_id\":\"0", "\"workflow_id\":\"9", 5)]
    public void What_the_list_says_decides_nothing(string word, string instead, int lag)
    {
        ComfyRun[] runs = Add(12, out RunWaiter waiter);
        _wait.Spoil = (path, body) => path.Contains(List, StringComparison.Ordinal) ? body.Replace(word, instead, StringComparison.Ordinal) : body;
        using (waiter) _wait.Drain(waiter);
        Assert.Equal(runs.Length, _wait.Outcomes.Count);
        Assert.All(_wait.Outcomes, outcome => Assert.Equal((WaitEnd.Finished, "success"), (outcome.End, outcome.Run!.Status)));
        Assert.All(_wait.Outcomes, outcome => Assert.True(outcome.Run!.IsDetailed));
        Assert.InRange(_wait.Lags.Max(), 0, lag);
    }

    [Theory]
    [InlineData("Mon, 01 Jan 0001 00:00:00 GMT")]
    [InlineData("Fri, 31 Dec 9999 23:59:59 GMT")]
    [InlineData("Mon, 23 Nov 2026 10:00:00 GMT")]
    [InlineData("Tue, 24 Nov 2026 20:00:00 GMT")]
    public void The_date_of_the_service_decides_nothing(string date)
    {
        _wait.Date = date;
        ComfyRun[] runs = Add(12, out RunWaiter waiter);
        using (waiter) _wait.Drain(waiter);
        Assert.Equal(runs.Length, _wait.Outcomes.Count(outcome => outcome.End == WaitEnd.Finished));
        Assert.InRange(_wait.Lags.Max(), 0, 15);
    }

    [Theory]
    [InlineData(-3600)]
    [InlineData(3600)]
    [InlineData(-60 * 24 * 3600)]
    public void A_clock_that_is_set_meanwhile_delays_no_look(int seconds)
    {
        ComfyRun[] runs = Add(12, out RunWaiter waiter);
        _wait.Pass(TimeSpan.FromSeconds(5));
        _wait.Clock.Set(TimeSpan.FromSeconds(seconds));
        using (waiter) _wait.Drain(waiter);
        Assert.Equal(runs.Length, _wait.Outcomes.Count(outcome => outcome.End == WaitEnd.Finished));
        Assert.InRange((_wait.Now - Begin).TotalSeconds, 30, 60);
    }

    [Fact]
    public void A_long_pause_that_the_list_asks_for_is_not_that_of_the_runs()
    {
        _wait.Fault = path => path.Contains(List, StringComparison.Ordinal) ? Reply.RetryAfter(429, new(TimeSpan.FromHours(1))) : null;
        ComfyRun[] runs = Add(12, out RunWaiter waiter);
        using (waiter) _wait.Drain(waiter);
        Assert.Equal(runs.Length, _wait.Outcomes.Count(outcome => outcome.End == WaitEnd.Finished));
        Assert.InRange(_wait.Lags.Max(), 0, 5);
        Assert.Equal(1, _wait.Count(List));
    }

    [Fact]
    public void A_silent_service_is_given_up_ten_seconds_after_the_deadline()
    {
        ComfyRun run = _wait.Queue("fox #time=200");
        _wait.Hangs = _ => true;
        using RunWaiter waiter = _wait.Waiter(TimeSpan.FromSeconds(5));
        waiter.Add(_wait.Target(run));
        _wait.Drain(waiter);
        Assert.Equal(WaitEnd.TimedOut, Assert.Single(_wait.Outcomes).End);
        Assert.InRange(_wait.Elapsed.TotalSeconds, 5, 15);
    }

    [Fact]
    public void An_exception_that_nobody_expects_costs_no_run()
    {
        ComfyRun[] runs = [.. Enumerable.Range(0, 3).Select(_ => _wait.Queue())];
        using RunWaiter waiter = new(TimeSpan.FromHours(1), _wait.Clock, new FailingLog(), CancellationToken.None);
        foreach (ComfyRun run in runs) waiter.Add(_wait.Target(run));
        _wait.Drain(waiter);
        Assert.Equal(runs.Select(run => run.RunId).Order(), _wait.Outcomes.Select(outcome => outcome.Run!.RunId).Order());
        Assert.All(_wait.Outcomes, outcome => Assert.Equal((WaitEnd.TimedOut, ErrorIds.ServiceError), (outcome.End, outcome.Error!.ErrorId)));
    }

    [Fact]
    public void A_run_that_is_late_comes_out_complete()
    {
        ComfyRun run = _wait.Queue("fox #time=200");
        ComfyRun other = _wait.Queue("fox #time=200");
        using RunWaiter waiter = _wait.Waiter(TimeSpan.FromSeconds(30));
        waiter.Add(_wait.Target(run));
        waiter.Add(_wait.Target(other));
        _wait.Drain(waiter);
        Assert.All(_wait.Outcomes, outcome => Assert.Equal((WaitEnd.TimedOut, "running", true), (outcome.End, outcome.Run!.Status, outcome.Run.IsDetailed)));
        Assert.Equal(2, _wait.Count("/run/"));
        Assert.Equal(TimeSpan.FromSeconds(30), _wait.Elapsed);
    }

    [Fact]
    public void A_run_that_is_watched_is_read_now_and_then_for_its_progress()
    {
        ComfyRun[] runs = [.. Enumerable.Range(0, 12).Select(_ => _wait.Queue("fox #time=100"))];
        using RunWaiter waiter = new(TimeSpan.FromHours(1), _wait.Clock, _wait.Log, CancellationToken.None) { WantsProgress = true };
        foreach (ComfyRun run in runs) waiter.Add(_wait.Target(run));
        _wait.Pass(TimeSpan.FromSeconds(60));
        int watched = waiter.Live.Count(live => live.Run.PercentComplete > 0 && live.Run.LiveStatus is not null);
        Assert.InRange(watched, 5, 12);
        Assert.InRange(_wait.Count("/run/"), 5, 35);
    }

    [Fact]
    public void A_doorbell_that_was_wrong_three_times_is_not_listened_to()
    {
        using WaitSimulation wait = new(DoorbellKind.Lies, slots: 20, seconds: 30);
        ComfyRun[] runs = [.. Enumerable.Range(0, 12).Select(_ => wait.Queue())];
        using RunWaiter waiter = wait.Waiter(TimeSpan.FromHours(1));
        foreach (ComfyRun run in runs) waiter.Add(wait.Target(run));
        wait.Drain(waiter);
        Assert.Equal(runs.Length, wait.Outcomes.Count(outcome => outcome.End == WaitEnd.Finished));
        Assert.Equal(1, wait.Count("stream-progress"));
        Assert.InRange(wait.Count("/run/"), 12, 12 + 12);
    }

    private static DateTime Begin => new(2026, 11, 23, 22, 0, 0, DateTimeKind.Utc);

    private ComfyRun[] Add(int count, out RunWaiter waiter)
    {
        ComfyRun[] runs = [.. Enumerable.Range(0, count).Select(_ => _wait.Queue())];
        waiter = _wait.Waiter(TimeSpan.FromHours(1));
        foreach (ComfyRun run in runs) waiter.Add(_wait.Target(run));
        return runs;
    }

    private sealed class FailingLog : ICallLog
    {
        public void Debug(string message) { }

        public void Verbose(string message) => throw new InvalidOperationException("No log.");

        public void Warning(string message) { }
    }
}
