using System.Collections.Concurrent;
using System.Globalization;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

// The deadline, and the first poll that each run gets whatever the deadline.
public sealed partial class RunWaiterTests
{
    [Fact]
    public async Task The_deadline_is_shared_and_begins_with_the_first_run()
    {
        using RunWaiter waiter = Wait(TimeSpan.FromMinutes(1));
        Assert.Null(waiter.Left);
        _clock.Advance(TimeSpan.FromMinutes(5));
        waiter.Add(Target("a"));
        _clock.Advance(TimeSpan.FromSeconds(59));
        waiter.Add(Target("b"));
        Assert.False(waiter.Ready > 0);
        Assert.Equal(TimeSpan.FromSeconds(1), waiter.Left);
        _clock.Advance(TimeSpan.FromSeconds(1));
        WaitOutcome first = await NextAsync(waiter);
        WaitOutcome second = await NextAsync(waiter);
        Assert.Equal(["a", "b"], new[] { first, second }.Select(outcome => outcome.Target.RunId).Order());
        Assert.All(new[] { first, second }, outcome => Assert.Equal((WaitEnd.TimedOut, "running"), (outcome.End, outcome.Run!.Status)));
        Assert.Empty(waiter.Live);
    }

    [Fact]
    public async Task A_run_added_after_the_deadline_is_still_read_once()
    {
        using RunWaiter waiter = Wait(TimeSpan.FromSeconds(10));
        waiter.Add(Target("a"));
        _clock.Advance(TimeSpan.FromSeconds(12));
        int looks = _looks.Count;
        waiter.Add(Target("b"));
        Assert.Equal(WaitEnd.TimedOut, (await NextAsync(waiter)).End);
        Assert.Equal(WaitEnd.TimedOut, (await NextAsync(waiter)).End);
        Assert.Equal(looks + 1, _looks.Count);
    }

    [Fact]
    public async Task A_slow_service_is_polled_once_for_each_run_whatever_the_deadline()
    {
        ConcurrentDictionary<string, int> looks = new();
        _client = ClientOver(new(async (request, token) =>
        {
            Task answer = _clock.DelayAsync(TimeSpan.FromSeconds(4), token);
            looks.AddOrUpdate(request.Address.Segments[^1], 1, (_, count) => count + 1);
            await answer;
            return Reply.Json(ClientUnderTest.RunJson(request.Address.Segments[^1]));
        }));
        using RunWaiter waiter = Wait(TimeSpan.Zero);
        for (int i = 0; i < 40; i++) waiter.Add(Target(i.ToString(CultureInfo.InvariantCulture)));
        // Twenty seconds in all, eight at a time.
        for (int round = 1; round <= 5; round++)
        {
            Assert.True(SpinWait.SpinUntil(() => looks.Count == 8 * round, ClientUnderTest.Limit));
            _clock.Advance(TimeSpan.FromSeconds(4));
        }
        for (int i = 0; i < 40; i++) Assert.Equal(WaitEnd.TimedOut, (await NextAsync(waiter)).End);
        Assert.All(looks.Values, count => Assert.Equal(1, count));
    }

    [Fact]
    public async Task A_silent_service_is_abandoned_ten_seconds_after_the_deadline()
    {
        _client = ClientOver(new(async (_, token) =>
        {
            await _clock.DelayAsync(TimeSpan.FromHours(1), token);
            return Reply.Status(500);
        }));
        using RunWaiter waiter = Wait(TimeSpan.FromSeconds(5));
        for (int i = 0; i < 20; i++) waiter.Add(Target(i.ToString(CultureInfo.InvariantCulture)));
        _clock.Advance(TimeSpan.FromSeconds(14));
        Assert.False(waiter.Ready > 0);
        _clock.Advance(TimeSpan.FromSeconds(2));
        for (int i = 0; i < 20; i++) Assert.Equal(WaitEnd.PollFailed, (await NextAsync(waiter)).End);
    }

    [Fact]
    public async Task A_run_added_an_hour_late_is_read_once()
    {
        using RunWaiter waiter = Wait(TimeSpan.FromSeconds(5));
        waiter.Add(Target("early"));
        _clock.Advance(TimeSpan.FromHours(1));
        waiter.Add(Target("late"));
        Assert.Equal(1, _looks.Count(look => look.Id == "late"));
        Assert.Equal(["early", "late"], new[] { await NextAsync(waiter), await NextAsync(waiter) }.Select(outcome => outcome.Target.RunId));
    }
}
