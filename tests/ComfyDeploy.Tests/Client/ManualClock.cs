using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>A clock that moves only on request or, with <see cref="Runs"/>, as soon as a caller waits for it.</summary>
internal sealed class ManualClock : IClock
{
    private readonly object _gate = new();
    private readonly List<Sleeper> _sleepers = [];
    private readonly List<TimeSpan> _pauses = [];
    private readonly AsyncLocal<CancellationTokenSource> _limit = new();
    private int _limits;
    private DateTime _now = new(2026, 11, 23, 19, 0, 0, DateTimeKind.Utc);

    /// <summary>Whether each pause ends at once and moves the clock.</summary>
    internal bool Runs { get; init; } = true;

    public DateTime Now
    {
        get
        {
            lock (_gate) return _now;
        }
    }

    /// <summary>All requested pauses, in order.</summary>
    internal IReadOnlyList<TimeSpan> Pauses
    {
        get
        {
            lock (_gate) return [.. _pauses];
        }
    }

    /// <summary>How often a time limit was set.</summary>
    internal int Limits => _limits;

    /// <summary>The number of pending pauses.</summary>
    internal int Waiting
    {
        get
        {
            lock (_gate) return _sleepers.Count;
        }
    }

    public Task DelayAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled(cancellationToken);
        Sleeper sleeper;
        lock (_gate)
        {
            _pauses.Add(time);
            if (Runs) _now += time;
            if (Runs || time <= TimeSpan.Zero) return Task.CompletedTask;
            sleeper = new(_now + time);
            _sleepers.Add(sleeper);
        }
        return WaitAsync(sleeper, cancellationToken);
    }

    /// <summary>Time limits are real: skipped time does not count.</summary>
    public void CancelAfter(CancellationTokenSource source, TimeSpan time)
    {
        Interlocked.Increment(ref _limits);
        _limit.Value = source;
        source.CancelAfter(time);
    }

    /// <summary>Ends the time limit of the request that this code is part of.</summary>
    internal void EndLimit() => _limit.Value!.Cancel();

    public double Jitter() => Random.Shared.NextDouble();

    public void Wait(WaitHandle[] handles, TimeSpan time) => WaitHandle.WaitAny(handles, time);

    /// <summary>Lets time pass; callers that wake up continue in order before this returns.</summary>
    internal void Advance(TimeSpan time)
    {
        DateTime until = Now + time;
        // In a test's own context, continuations would run elsewhere, later.
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

    private async Task WaitAsync(Sleeper sleeper, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration cancel = cancellationToken.Register(() =>
        {
            lock (_gate) _sleepers.Remove(sleeper);
            sleeper.Awake.TrySetCanceled(cancellationToken);
        });
        await sleeper.Awake.Task.ConfigureAwait(false);
    }

    private sealed class Sleeper(DateTime due)
    {
        internal DateTime Due { get; } = due;

        internal TaskCompletionSource Awake { get; } = new();
    }
}
