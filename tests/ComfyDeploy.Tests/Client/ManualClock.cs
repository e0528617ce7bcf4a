using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Time that passes only when it is told to, or, with <see cref="Runs"/>, as soon as somebody waits for it.</summary>
internal sealed class ManualClock : IClock
{
    private readonly object _gate = new();
    private readonly List<Sleeper> _sleepers = [];
    private readonly List<TimeSpan> _pauses = [];
    private readonly AsyncLocal<CancellationTokenSource> _limit = new();
    private DateTime _now = new(2026, 11, 23, 19, 0, 0, DateTimeKind.Utc);

    /// <summary>Whether each pause is over at once, the time having passed.</summary>
    internal bool Runs { get; init; } = true;

    public DateTime Now
    {
        get
        {
            lock (_gate) return _now;
        }
    }

    /// <summary>All pauses asked for, in order.</summary>
    internal IReadOnlyList<TimeSpan> Pauses
    {
        get
        {
            lock (_gate) return [.. _pauses];
        }
    }

    /// <summary>How many wait now.</summary>
    internal int Waiting
    {
        get
        {
            lock (_gate) return _sleepers.Count;
        }
    }

    public Task DelayAsync(TimeSpan time, CancellationToken stop)
    {
        if (stop.IsCancellationRequested) return Task.FromCanceled(stop);
        Sleeper sleeper;
        lock (_gate)
        {
            _pauses.Add(time);
            if (Runs) _now += time;
            if (Runs || time <= TimeSpan.Zero) return Task.CompletedTask;
            sleeper = new(_now + time);
            _sleepers.Add(sleeper);
        }
        return WaitAsync(sleeper, stop);
    }

    /// <summary>Time limits are real: time that is skipped uses up nobody's.</summary>
    public void CancelAfter(CancellationTokenSource source, TimeSpan time)
    {
        _limit.Value = source;
        source.CancelAfter(time);
    }

    /// <summary>Ends the time of the request that is being sent here.</summary>
    internal void EndLimit() => _limit.Value!.Cancel();

    /// <summary>Lets time pass; who wakes up goes on, in the order of waking, before this returns.</summary>
    internal void Advance(TimeSpan time)
    {
        DateTime until = Now + time;
        // Under a test's own context what follows would run elsewhere, later.
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            while (WakeNext(until)) { }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
        lock (_gate) _now = until;
    }

    private bool WakeNext(DateTime until)
    {
        Sleeper? next;
        lock (_gate)
        {
            next = _sleepers.Where(sleeper => sleeper.Due <= until).MinBy(sleeper => sleeper.Due);
            if (next is null) return false;
            _sleepers.Remove(next);
            _now = next.Due;
        }
        next.Awake.TrySetResult();
        return true;
    }

    private async Task WaitAsync(Sleeper sleeper, CancellationToken stop)
    {
        using CancellationTokenRegistration cancel = stop.Register(() =>
        {
            lock (_gate) _sleepers.Remove(sleeper);
            sleeper.Awake.TrySetCanceled(stop);
        });
        await sleeper.Awake.Task.ConfigureAwait(false);
    }

    private sealed class Sleeper(DateTime due)
    {
        internal DateTime Due { get; } = due;

        internal TaskCompletionSource Awake { get; } = new();
    }
}
