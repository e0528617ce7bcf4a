using System.Collections.Concurrent;
using System.Globalization;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Many runs share one deadline, and each is returned when its outcome is known.</summary>
public sealed partial class RunWaiterTests : IDisposable
{
    private readonly ManualClock _clock = new() { Runs = false };
    private readonly CancellationTokenSource _stop = new();
    private readonly RecordingLog _log = new();
    private readonly List<(string Id, double Second)> _looks = [];
    private readonly DateTime _began;
    private Func<string, HttpResponseMessage> _answer = id => Reply.Json(ClientUnderTest.RunJson(id));
    private ComfyDeployClient _client;

    public RunWaiterTests()
    {
        _began = _clock.Now;
        _client = ClientOver(new(request =>
        {
            // A service without lists: each run is looked at by itself.
            if (request.IsShared) return Reply.Status(404);
            string id = request.Address.Segments[^1];
            _looks.Add((id, Elapsed));
            return _answer(id);
        }));
    }

    private double Elapsed => (_clock.Now - _began).TotalSeconds;

    public void Dispose() => _stop.Dispose();

    [Fact]
    public async Task Twelve_runs_are_written_as_they_finish()
    {
        int[] ends = [95, 8, 52, 200, 31, 140, 17, 73, 118, 41, 2, 170];
        _answer = id => Reply.Json(ClientUnderTest.RunJson(id, Elapsed >= ends[int.Parse(id, CultureInfo.InvariantCulture)] ? "success" : "running"));
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        for (int i = 0; i < 12; i++) waiter.Add(Target(i.ToString(CultureInfo.InvariantCulture)));
        List<int> order = [];
        while (order.Count < 12)
        {
            if (waiter.Ready == 0) _clock.Advance(TimeSpan.FromSeconds(1));
            else order.Add(ends[int.Parse(Finished(await NextAsync(waiter)), CultureInfo.InvariantCulture)]);
        }
        Assert.Equal(ends.Order(), order);
        Assert.Null(await waiter.NextAsync(default).WaitAsync(ClientUnderTest.Limit));
        Assert.Empty(waiter.Live);
    }

    [Fact]
    public async Task A_timeout_of_zero_polls_each_run_exactly_once()
    {
        _answer = id => Reply.Json(ClientUnderTest.RunJson(id, id == "3" ? "success" : "queued"));
        using RunWaiter waiter = Wait(TimeSpan.Zero);
        for (int i = 0; i < 20; i++) waiter.Add(Target(i.ToString(CultureInfo.InvariantCulture)));
        for (int i = 0; i < 20; i++)
        {
            WaitOutcome outcome = await NextAsync(waiter);
            Assert.Equal(outcome.Target.RunId == "3" ? WaitEnd.Finished : WaitEnd.TimedOut, outcome.End);
            Assert.NotNull(outcome.Run);
        }
        Assert.Equal(Enumerable.Range(0, 20).Select(i => i.ToString(CultureInfo.InvariantCulture)), _looks.Select(look => look.Id));
    }

    [Theory]
    [InlineData("success")]
    [InlineData("failed")]
    [InlineData("timeout")]
    [InlineData("cancelled")]
    public async Task Every_final_status_ends_the_wait_at_the_first_poll(string status)
    {
        _answer = id => Reply.Json(ClientUnderTest.RunJson(id, status));
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(Target("a"));
        Assert.Equal(status, (await NextAsync(waiter)).Run!.Status);
        Assert.Single(_looks);
    }

    [Fact]
    public async Task An_unknown_status_needs_an_end()
    {
        _answer = id => Reply.Json($$"""{"id":"{{id}}","status":"paused","ended_at":{{(Elapsed < 30 ? "null" : "\"2026-11-23T19:00:29Z\"")}}}""");
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(Target("a"));
        _clock.Advance(TimeSpan.FromSeconds(29));
        Assert.False(waiter.Ready > 0);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((WaitEnd.Finished, 16), ((await NextAsync(waiter)).End, _looks.Count));
    }

    [Fact]
    public async Task Polls_that_keep_failing_do_not_end_the_wait_before_its_deadline()
    {
        _answer = _ => Reply.Status(500);
        ComfyRun known = Recorded.ToRun(ClientUnderTest.RunJson("a", "queued"));
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(new("a", _client, known, null));
        _clock.Advance(TimeSpan.FromMinutes(59));
        Assert.False(waiter.Ready > 0);
        _clock.Advance(TimeSpan.FromMinutes(1));
        WaitOutcome outcome = await NextAsync(waiter);
        Assert.Equal((WaitEnd.TimedOut, ErrorIds.ServiceError), (outcome.End, outcome.Error!.ErrorId));
        Assert.Same(known, outcome.Run);
        // One every 30 seconds at most, and not fewer than one a minute.
        Assert.InRange(_looks.Count, 60, 260);
        Assert.Single(_log.Warnings);
    }

    [Fact]
    public async Task A_requested_pause_is_kept()
    {
        _answer = _ => Reply.RetryAfter(503, new(TimeSpan.FromMinutes(1)));
        using RunWaiter waiter = Wait(TimeSpan.FromSeconds(590));
        waiter.Add(Target("a"));
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(WaitEnd.PollFailed, (await NextAsync(waiter)).End);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => i * 60d), _looks.Select(look => look.Second));
    }

    [Fact]
    public async Task A_timeout_of_zero_polls_once()
    {
        using RunWaiter waiter = Wait(TimeSpan.FromSeconds(-5));
        waiter.Add(Target("a"));
        Assert.Equal(WaitEnd.TimedOut, (await NextAsync(waiter)).End);
        Assert.Single(_looks);
    }

    [Fact]
    public async Task A_poll_that_succeeds_ends_the_outage()
    {
        _answer = id => _looks.Count switch
        {
            10 => Reply.Json(ClientUnderTest.RunJson(id)),
            20 => Reply.Json(ClientUnderTest.RunJson(id, "success")),
            _ => Reply.Status(502),
        };
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(Target("a"));
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal((WaitEnd.Finished, 20), ((await NextAsync(waiter)).End, _looks.Count));
        Assert.Equal(4, _log.Warnings.Count);
    }

    [Theory]
    [InlineData("run-get-404-unknown")]
    [InlineData("run-get-403-other-user")]
    public async Task A_missing_run_is_reported_as_not_found(string name)
    {
        _answer = _ => Recorded.Exchange(name).ToResponse();
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(Target("a"));
        _clock.Advance(TimeSpan.FromSeconds(2));
        WaitOutcome outcome = await NextAsync(waiter);
        Assert.Equal((WaitEnd.NotFound, ErrorIds.RunNotFound), (outcome.End, outcome.Error!.ErrorId));
        // It is asked twice: one such answer may be wrong.
        Assert.Equal(2, _looks.Count);
    }

    [Fact]
    public async Task A_key_that_is_rejected_for_two_minutes_ends_the_wait()
    {
        _answer = _ => Recorded.Exchange("err-401-revoked").ToResponse();
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(Target("a"));
        _clock.Advance(TimeSpan.FromSeconds(119));
        Assert.False(waiter.Ready > 0);
        _clock.Advance(TimeSpan.FromSeconds(31));
        WaitOutcome outcome = await NextAsync(waiter);
        Assert.Equal((WaitEnd.Refused, ErrorIds.ApiKeyRejected), (outcome.End, outcome.Error!.ErrorId));
    }

    [Fact]
    public async Task At_most_eight_polls_are_active()
    {
        int underWay = 0;
        ConcurrentBag<int> counts = [];
        using SemaphoreSlim arrived = new(0);
        using SemaphoreSlim go = new(0);
        _client = ClientOver(new(async (request, token) =>
        {
            counts.Add(Interlocked.Increment(ref underWay));
            arrived.Release();
            await go.WaitAsync(token).ConfigureAwait(false);
            Interlocked.Decrement(ref underWay);
            return Reply.Json(ClientUnderTest.RunJson(request.Address.Segments[^1], "success"));
        }));
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        for (int i = 0; i < 40; i++) waiter.Add(Target(i.ToString(CultureInfo.InvariantCulture)));
        for (int i = 0; i < 40; i++)
        {
            // Eight always arrive before one may continue.
            if (i == 0) for (int n = 0; n < 8; n++) await arrived.WaitAsync().WaitAsync(ClientUnderTest.Limit);
            else if (i <= 32) await arrived.WaitAsync().WaitAsync(ClientUnderTest.Limit);
            go.Release();
            Assert.Equal(WaitEnd.Finished, (await NextAsync(waiter)).End);
        }
        Assert.Equal(8, counts.Max());
    }

    [Fact]
    public void A_run_is_polled_every_two_seconds_and_less_often_after_a_minute()
    {
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(Target("a"));
        _clock.Advance(TimeSpan.FromMinutes(10));
        double[] at = [.. _looks.Select(look => look.Second)];
        Assert.Equal(Enumerable.Range(0, 31).Select(i => 2.0 * i), at[..31]);
        for (int i = 31; i < at.Length; i++) Assert.Equal(Math.Min(10, 0.07 * at[i - 1]), at[i] - at[i - 1], 3);
        Assert.Equal(10, at[^1] - at[^2], 3);
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(59.9, 2)]
    [InlineData(60, 4.2)]
    [InlineData(100, 7)]
    [InlineData(143, 10)]
    [InlineData(100_000, 10)]
    public void The_pause_between_polls_grows_with_the_wait(double elapsed, double pause) =>
        Assert.Equal(pause, PollSchedule.After(TimeSpan.FromSeconds(elapsed)).TotalSeconds, 3);

    [Fact]
    public async Task Cancellation_ends_the_wait_at_once_and_leaves_nothing_pending()
    {
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(Target("a"));
        Task<WaitOutcome?> next = waiter.NextAsync(default);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(0, _clock.Waiting);
    }

    [Fact]
    public void Each_change_of_state_is_reported_once_with_the_full_id()
    {
        _answer = id => Reply.Json(ClientUnderTest.RunJson(id, Elapsed < 5 ? "queued" : "running"));
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(Target(ClientUnderTest.RunId));
        _clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal([$"Run {ClientUnderTest.RunId}: queued.", $"Run {ClientUnderTest.RunId}: running."], _log.Of("Verbose").Where(line => line.StartsWith("Run ", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_labeled_run_is_reported_by_its_label_and_its_ID()
    {
        const string Id = ClientUnderTest.RunId;
        _answer = id => Elapsed < 5 ? Reply.Json(ClientUnderTest.RunJson(id)) : Reply.Status(503);
        using RunWaiter waiter = Wait(TimeSpan.FromHours(1));
        waiter.Add(Target(Id) with { Origin = new(null, null, null, "a07", null, null) });
        _clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Contains($"Run a07 ({Id}): running.", _log.Of("Verbose"));
        Assert.Contains(_log.Of("Verbose"), line => line.StartsWith($"Reading run a07 ({Id}) failed: ", StringComparison.Ordinal));
    }

    private static async Task<WaitOutcome> NextAsync(RunWaiter waiter) => (await waiter.NextAsync(default).WaitAsync(ClientUnderTest.Limit))!;

    private static string Finished(WaitOutcome outcome)
    {
        Assert.Equal(WaitEnd.Finished, outcome.End);
        return outcome.Target.RunId;
    }

    private RunWaiter Wait(TimeSpan timeout) => new(timeout, _clock, _log, _stop.Token);

    private WaitTarget Target(string id) => new(id, _client, null, null);

    private ComfyDeployClient ClientOver(ScriptedHandler handler) => new(new ApiSession(ClientUnderTest.Connect(), handler, _clock), _log) { MaxRetries = 0 };
}
