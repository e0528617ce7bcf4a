using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>
/// Time that passes only while the pipeline thread has nothing to do but wait. That thread itself then moves the time to whatever is due
/// next and wakes it, inline, so that one thing happens after the other and hours take milliseconds.
/// </summary>
/// <param name="start">What it shows first, UTC.</param>
/// <param name="advanced">Told of every step, so that the emulators keep the same time.</param>
internal sealed class VirtualClock(DateTime start, Action<TimeSpan> advanced) : IClock
{
    /// <summary>No scenario may take longer: whoever waits past it waits for nothing.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromDays(3);

    private readonly object _gate = new();
    private readonly PriorityQueue<Sleeper, (DateTime Due, string Place, long Order)> _sleepers = new();
    private readonly Dictionary<CancellationTokenSource, Sleeper> _timers = [];
    private readonly DateTime _end = start + Limit;
    private DateTime _now = start;
    private TimeSpan _set;
    private long _order;

    public DateTime Now
    {
        get
        {
            lock (_gate) return _now + _set;
        }
    }

    /// <summary>Sets the clock: what waits is woken as before, as it is by a real one.</summary>
    internal void Set(TimeSpan ahead)
    {
        lock (_gate) _set = ahead;
    }

    public Task DelayAsync(TimeSpan time, CancellationToken cancellationToken) => DelayAsync(time, string.Empty, cancellationToken);

    /// <param name="time">How long.</param>
    /// <param name="place">Where it comes among those that end at the same time: their order must not depend on threads.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    internal Task DelayAsync(TimeSpan time, string place, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled(cancellationToken);
        if (time == TimeSpan.Zero) return Task.CompletedTask;
        // Its continuations run in the call that completes it: nothing happens behind the clock's back.
        TaskCompletionSource awake = new();
        Sleeper sleeper = new(() => awake.TrySetResult());
        CancellationTokenRegistration registration = cancellationToken.Register(() =>
        {
            sleeper.IsGone = true;
            awake.TrySetCanceled(cancellationToken);
        });
        _ = awake.Task.ContinueWith(
            _ => registration.Dispose(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        if (time > TimeSpan.Zero) Add(sleeper, time, place);
        return awake.Task;
    }

    public void CancelAfter(CancellationTokenSource source, TimeSpan time)
    {
        Sleeper sleeper = new(() => Cancel(source));
        lock (_gate)
        {
            if (_timers.Remove(source, out Sleeper? earlier)) earlier.IsGone = true;
            _timers.Add(source, sleeper);
        }
        Add(sleeper, time, string.Empty);
    }

    public double Jitter() => 0.5;

    public void Wait(WaitHandle[] handles, TimeSpan time)
    {
        DateTime until = Now - _set + time;
        do
        {
            ThreadPoolCalm.Await();
            if (WaitHandle.WaitAny(handles, TimeSpan.Zero) != WaitHandle.WaitTimeout) return;
        }
        while (WakeNext(until));
        if (Now - _set > _end) throw new TimeoutException($"The pipeline has waited for {Limit}.");
    }

    /// <summary>Lets time pass in which nobody is woken, as when a laptop sleeps.</summary>
    internal void Skip(TimeSpan time)
    {
        lock (_gate)
        {
            _now += time;
            advanced(time);
        }
    }

    private void Add(Sleeper sleeper, TimeSpan time, string place)
    {
        lock (_gate) _sleepers.Enqueue(sleeper, (_now + time, place, _order++));
    }

    /// <summary>Moves to the next thing that is due, or to the end of the wait.</summary>
    private bool WakeNext(DateTime until)
    {
        Sleeper? next = null;
        lock (_gate)
        {
            while (_sleepers.TryPeek(out Sleeper? sleeper, out (DateTime Due, string, long) place) && place.Due <= until)
            {
                _sleepers.Dequeue();
                if (sleeper.IsGone) continue;
                next = sleeper;
                until = place.Due > _now ? place.Due : _now;
                break;
            }
            TimeSpan step = until - _now;
            _now = until;
            advanced(step);
        }
        next?.Wake();
        return next is not null;
    }

    private void Cancel(CancellationTokenSource source)
    {
        lock (_gate) _timers.Remove(source);
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // What it should have limited has ended.
        }
    }

    private sealed class Sleeper(Action wake)
    {
        internal bool IsGone { get; set; }

        internal void Wake() => wake();
    }
}
