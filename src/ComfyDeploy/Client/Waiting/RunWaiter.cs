using System.Collections.Concurrent;

namespace ComfyDeploy.Client;

/// <summary>Polls many runs at once, under one deadline that starts with the first, and returns each when it is decided.</summary>
internal sealed class RunWaiter : IDisposable
{
    private readonly IClock _clock;
    private readonly ICallLog _log;
    private readonly SemaphoreSlim _decided = new(0);
    private readonly ConcurrentQueue<Task<WaitOutcome>> _outcomes = new();
    private readonly ConcurrentDictionary<int, PolledRun> _live = new();
    private readonly ConcurrentDictionary<ApiSession, Reachability> _services = new();
    private readonly CancellationTokenSource _closed;
    private readonly CancellationToken _stop;
    private readonly WaitDeadline _deadline;
    private readonly LateCancel _lateCancel;
    private int _added;
    private int _pending;

    internal RunWaiter(TimeSpan timeout, IClock clock, ICallLog log, CancellationToken cancellationToken)
    {
        _clock = clock;
        _log = log;
        _closed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _stop = _closed.Token;
        _deadline = new(timeout, clock, _stop);
        _lateCancel = new(clock, log, _stop);
    }

    /// <summary>Whether a run is cancelled as soon as it is late, or its connection is given up.</summary>
    internal bool CancelLate { get; init; }

    /// <summary>Whether to look up why runs failed.</summary>
    internal bool ReadReasons { get; init; }

    /// <summary>Whether somebody watches what the runs do.</summary>
    internal bool WantsProgress { get; init; }

    /// <summary>Called on any thread when a run has finished and can be taken.</summary>
    internal Action? OnFinished { get; init; }

    /// <summary>Called on any thread when the deadline passes.</summary>
    internal Action? OnDeadline { get; init; }

    /// <summary>What is left until the deadline; null before the first run.</summary>
    internal TimeSpan? Left => _deadline.Left;

    /// <summary>The last snapshot of each run that is not decided yet, with its place in the order they were added.</summary>
    internal IReadOnlyList<(int Place, ComfyRun Run)> Live
    {
        get
        {
            // Its own ToArray takes one state of it; what enumerates it sees empty entries when runs leave meanwhile.
            KeyValuePair<int, PolledRun>[] live = _live.ToArray();
            return [.. live.OrderBy(one => one.Key).Where(one => one.Value.Last is not null).Select(one => (one.Key, one.Value.Last!))];
        }
    }

    /// <summary>How many runs <see cref="NextAsync"/> would return at once.</summary>
    internal int Ready => _outcomes.Count;

    internal void Add(WaitTarget target)
    {
        (CancellationToken firstLook, CancellationToken deadline) = _deadline.Start();
        int place = _added++;
        if (place == 0) deadline.Register(ReportDeadline);
        Interlocked.Increment(ref _pending);
        Reachability service = _services.GetOrAdd(target.Client.Session, session => new(session, _log));
        _ = DecideAsync(target with { WantsProgress = WantsProgress }, place, service, firstLook, deadline);
    }

    /// <summary>The next run that is decided.</summary>
    /// <returns>Null when none is pending.</returns>
    internal async Task<WaitOutcome?> NextAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _pending) == 0) return null;
        await _decided.WaitAsync(cancellationToken).ConfigureAwait(false);
        Interlocked.Decrement(ref _pending);
        return _outcomes.TryDequeue(out Task<WaitOutcome>? outcome) ? await outcome.ConfigureAwait(false) : null;
    }

    /// <summary>A run that is decided already.</summary>
    /// <returns>Null when there is none.</returns>
    internal WaitOutcome? TakeDecided()
    {
        if (!_outcomes.TryPeek(out Task<WaitOutcome>? outcome) || outcome.Status != TaskStatus.RanToCompletion) return null;
        if (!_decided.Wait(0)) return null;
        Interlocked.Decrement(ref _pending);
        _outcomes.TryDequeue(out _);
        return outcome.GetAwaiter().GetResult();
    }

    /// <summary>Warns when an outage of a service has begun.</summary>
    /// <returns>How long a service has been away; null while all can be reached.</returns>
    internal TimeSpan? CheckOutage() => _services.Values.Max(service => service.CheckOutage());

    public void Dispose()
    {
        // Polls under way end with the token; their semaphore holds nothing to dispose.
        _closed.Cancel();
        _closed.Dispose();
        _deadline.Dispose();
    }

    private void ReportDeadline()
    {
        if (!_stop.IsCancellationRequested) OnDeadline?.Invoke();
    }

    private async Task DecideAsync(
        WaitTarget target, int place, Reachability service, CancellationToken firstLook, CancellationToken deadline)
    {
        service.Join();
        Task<WaitOutcome> outcome = WaitAsync(target, place, service, firstLook, deadline);
        await Task.WhenAny(outcome).ConfigureAwait(false);
        service.Leave();
        _outcomes.Enqueue(outcome);
        // Only now: between the two places it must not be lost.
        _live.TryRemove(place, out _);
        _decided.Release();
        if (outcome.Status == TaskStatus.RanToCompletion && outcome.GetAwaiter().GetResult().End == WaitEnd.Finished) OnFinished?.Invoke();
    }

    private async Task<WaitOutcome> WaitAsync(
        WaitTarget target, int place, Reachability service, CancellationToken firstLook, CancellationToken deadline)
    {
        Task<WaitOutcome> poll = PollAsync(target, place, service, firstLook, deadline);
        await Task.WhenAny(poll).ConfigureAwait(false);
        // Whatever went wrong, the run leaves the wait.
        WaitOutcome outcome = poll.IsFaulted && !_stop.IsCancellationRequested
            ? GiveUp(target, place, poll.Exception.InnerException) : await poll.ConfigureAwait(false);
        if (CancelLate && (outcome.IsLate || outcome.IsGivenUp))
            outcome = await _lateCancel.RunAsync(outcome, service).ConfigureAwait(false);
        // A reason that cannot be read is no error, whatever the cause.
        if (ReadReasons && outcome.End == WaitEnd.Finished)
            await Task.WhenAny(service.Reasons.FillAsync(outcome.Run!, _stop)).ConfigureAwait(false);
        if (outcome.Run is { IsFinished: true, IsDetailed: true } ended) target.Journal?.Ended(ended);
        return outcome;
    }

    private WaitOutcome GiveUp(WaitTarget target, int place, Exception cause)
    {
        ComfyRun? last = _live.TryGetValue(place, out PolledRun? run) ? run.Last : null;
        ComfyDeployException error = new(ErrorIds.ServiceError, $"The answers about run {target.Name} cannot be used.", cause);
        return new(target, last, last is null ? WaitEnd.PollFailed : WaitEnd.TimedOut, error);
    }

    private async Task<WaitOutcome> PollAsync(
        WaitTarget target, int place, Reachability service, CancellationToken firstLook, CancellationToken deadline)
    {
        // Every run is looked at once, whatever the deadline.
        using PolledRun run = new(target, service, _log, (firstLook, deadline));
        _live[place] = run;
        ComfyDeployException? failure = null;
        int failures = 0;
        DateTime failedAt = DateTime.MaxValue;
        try
        {
            if (target.Known is { IsFinished: false } && !deadline.IsCancellationRequested)
            {
                run.Begin(_deadline.Left);
                await run.UntilReadAsync().ConfigureAwait(false);
            }
            while (true)
            {
                if (target.StatusSuffices && run.Last is { IsFinished: true } ended) return new(target, ended, WaitEnd.Finished);
                // What was seen since then, if only in a list, exists.
                ComfyDeployException? before = run.Timer.LookedAt > failedAt ? null : failure;
                (ComfyRun? read, failure) = await ReadAsync(run, run.Limit).ConfigureAwait(false);
                if (read is { IsFinished: true }) return new(target, read, WaitEnd.Finished);
                failures = failure is null ? 0 : failures + 1;
                failedAt = _clock.Now;
                if (failure is not null)
                {
                    _log.Verbose($"Reading run {target.Name} failed: {failure.Message}");
                    if (EndOf(failure, before, service) is { } end) return new(target, run.Last, end, failure);
                    // A run that was not found may be one that the service does not see everywhere yet: it gets the usual time.
                    run.RetryIn(RunAbsence.IsStatedBy(failure) ? null : Retry.PauseBefore(failures, failure.RetryAfter, _clock));
                }
                await run.UntilReadAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return await EndLateAsync(run, failure).ConfigureAwait(false);
        }
    }

    private async Task<(ComfyRun? Run, ComfyDeployException? Failure)> ReadAsync(PolledRun run, CancellationToken limit)
    {
        WaitTarget target = run.Target;
        (ComfyRun? read, ComfyDeployException? failure) = await run.Service.AskAsync(
            $"GET /run/{target.RunId}", () => target.ReadAsync(limit), limit).ConfigureAwait(false);
        if (read is null) return (null, failure);
        run.SetRead(read);
        _deadline.Answered();
        return (read, null);
    }

    /// <summary>A run that is only known from a list is read once more, so that it comes out complete, or finished after all.</summary>
    private async Task<WaitOutcome> EndLateAsync(PolledRun run, ComfyDeployException? failure)
    {
        if (!CancelLate && failure is null
            && run is { Last.IsDetailed: false, Target.StatusSuffices: false, FirstLook.IsCancellationRequested: false })
        {
            try
            {
                (ComfyRun? read, failure) = await ReadAsync(run, run.FirstLook).ConfigureAwait(false);
                if (read is { IsFinished: true }) return new(run.Target, read, WaitEnd.Finished);
            }
            catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
            {
                // It comes out as it is known.
            }
        }
        WaitEnd end = run.Last is not null ? WaitEnd.TimedOut
            : RunAbsence.IsStatedBy(failure) ? WaitEnd.NotFound : WaitEnd.PollFailed;
        return new(run.Target, run.Last, end, failure);
    }

    /// <summary>The failures that end the wait for a run before the deadline; after any other one the wait goes on.</summary>
    private static WaitEnd? EndOf(ComfyDeployException failure, ComfyDeployException? before, Reachability service) => failure switch
    {
        _ when RunAbsence.IsStatedBy(failure) && RunAbsence.IsStatedBy(before) => WaitEnd.NotFound,
        { ErrorId: ErrorIds.NotConnected } => WaitEnd.Refused,
        { StatusCode: 401 or 403 } when service.RefusesKey => WaitEnd.Refused,
        _ => null,
    };
}
