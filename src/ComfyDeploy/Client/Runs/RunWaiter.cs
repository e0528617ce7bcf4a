using System.Collections.Concurrent;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Waits for many runs at once, under one deadline that begins with the first, and hands each out when it is decided.</summary>
internal sealed class RunWaiter : IDisposable
{
    private const int ParallelPolls = 8;
    private const int FailureBudget = 10;
    private static readonly TimeSpan FailureTime = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(24);
    private static readonly TimeSpan FirstCheckGrace = TimeSpan.FromSeconds(10);

    private readonly IClock _clock;
    private readonly ICallLog _log;
    private readonly TimeSpan _timeout;
    private readonly SemaphoreSlim _slots = new(ParallelPolls);
    private readonly SemaphoreSlim _decided = new(0);
    private readonly ConcurrentQueue<Task<WaitOutcome>> _outcomes = new();
    private readonly ConcurrentDictionary<string, (int Place, ComfyRun Run)> _live = new();
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _deadline;
    private CancellationTokenSource _grace;
    private DateTime? _endsAt;
    private DateTime _lastAnswer;
    private int _added;
    private int _pending;

    internal RunWaiter(TimeSpan timeout, IClock clock, ICallLog log, CancellationToken stop)
    {
        // A timer of .NET Framework counts at most 24 days; a time that is over already is none.
        (_clock, _log) = (clock, log);
        _timeout = timeout < TimeSpan.Zero ? TimeSpan.Zero : timeout < LongestTimeout ? timeout : LongestTimeout;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _deadline = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        _grace = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
    }

    /// <summary>What is left of the deadline; null before the first run.</summary>
    internal TimeSpan? Left => _endsAt - _clock.Now;

    /// <summary>The last snapshot of each run that is not decided yet, in the order they were given.</summary>
    internal IReadOnlyList<ComfyRun> Live => [.. _live.Values.OrderBy(live => live.Place).Select(live => live.Run)];

    internal void Add(WaitTarget target)
    {
        if (_endsAt is null)
        {
            _endsAt = _clock.Now + _timeout;
            _ = CancelAfterAsync(_deadline, _timeout);
            _ = EndFirstLooksAsync(_grace, _timeout + FirstCheckGrace);
        }
        else if (_grace.IsCancellationRequested)
        {
            // Long after the deadline, from a slow pipeline: it gets its one look all the same.
            _grace.Dispose();
            _grace = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            _ = EndFirstLooksAsync(_grace, FirstCheckGrace);
        }
        int place = _added++;
        if (target.Known is not null) _live[target.RunId] = (place, target.Known);
        _pending++;
        _ = DecideAsync(target, place);
    }

    /// <summary>The next run that is decided.</summary>
    /// <returns>Null when none is pending.</returns>
    internal async Task<WaitOutcome?> NextAsync(CancellationToken stop)
    {
        if (_pending == 0) return null;
        await _decided.WaitAsync(stop).ConfigureAwait(false);
        _pending--;
        return _outcomes.TryDequeue(out Task<WaitOutcome>? outcome) ? await outcome.ConfigureAwait(false) : null;
    }

    /// <summary>How many <see cref="NextAsync"/> would return at once.</summary>
    internal int Ready => _outcomes.Count;

    public void Dispose()
    {
        // Polls under way end with the token; their semaphores hold nothing that needs disposing.
        _stop.Cancel();
        _stop.Dispose();
        _deadline.Dispose();
        _grace.Dispose();
    }

    /// <summary>First looks go on after the deadline as long as the service answers: thousands of runs take their time, a silent service must not.</summary>
    private async Task EndFirstLooksAsync(CancellationTokenSource grace, TimeSpan pause)
    {
        try
        {
            while (pause > TimeSpan.Zero)
            {
                await _clock.DelayAsync(pause, _stop.Token).ConfigureAwait(false);
                pause = _lastAnswer + FirstCheckGrace - _clock.Now;
            }
            grace.Cancel();
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The wait was over before its time.
        }
    }

    private async Task CancelAfterAsync(CancellationTokenSource source, TimeSpan time)
    {
        try
        {
            await _clock.DelayAsync(time, source.Token).ConfigureAwait(false);
            source.Cancel();
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The wait was over before its time.
        }
    }

    private async Task DecideAsync(WaitTarget target, int place)
    {
        Task<WaitOutcome> outcome = PollAsync(target, place, _stop.Token, _deadline.Token, _grace.Token);
        await Task.WhenAny(outcome).ConfigureAwait(false);
        _live.TryRemove(target.RunId, out _);
        _outcomes.Enqueue(outcome);
        _decided.Release();
    }

    private async Task<WaitOutcome> PollAsync(WaitTarget target, int place, CancellationToken stop, CancellationToken deadline, CancellationToken grace)
    {
        DateTime began = _clock.Now;
        ComfyRun? last = target.Known;
        ComfyDeployException? failure = null;
        DateTime failingSince = began;
        int failures = 0;
        try
        {
            // Every run is looked at once, whatever the deadline: a first look may end a little later than it.
            for (CancellationToken limit = grace; ; limit = deadline)
            {
                await _slots.WaitAsync(limit).ConfigureAwait(false);
                try
                {
                    ComfyRun run = await target.Client.GetRunAsync(target.RunId, target.Origin, limit).ConfigureAwait(false);
                    if (run.Status != last?.Status) _log.Verbose($"Run {target.RunId}: {SafeText.Clean(run.Status)}.");
                    last = run;
                    _live[target.RunId] = (place, run);
                    (failure, failures, _lastAnswer) = (null, 0, _clock.Now);
                }
                catch (ComfyDeployException e) when (e.ErrorId is ErrorIds.RunNotFound)
                {
                    return new(target, null, WaitEnd.NotFound, e);
                }
                catch (ComfyDeployException e) when (e.ErrorId is not (ErrorIds.ApiKeyRejected or ErrorIds.NotSupportedByServer or ErrorIds.NotConnected))
                {
                    _log.Verbose($"Looking at run {target.RunId} failed: {e.Message}");
                    if (failures++ == 0) failingSince = _clock.Now;
                    failure = e;
                    // The time the service asked for is no time it failed in.
                    failingSince += e.RetryAfter ?? TimeSpan.Zero;
                    if (failures >= FailureBudget || _clock.Now - failingSince > FailureTime) return new(target, last, WaitEnd.PollFailed, e);
                }
                finally
                {
                    _slots.Release();
                }
                if (failure is null && last is { IsFinished: true }) return new(target, last, WaitEnd.Finished);
                TimeSpan pause = failure is null ? PollInterval.After(_clock.Now - began) : Retry.PauseBefore(failures, failure.RetryAfter);
                await _clock.DelayAsync(pause, deadline).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return last is null ? new(target, null, WaitEnd.PollFailed, failure) : new(target, last, WaitEnd.TimedOut, failure);
        }
    }
}

/// <summary>A run to wait for.</summary>
/// <param name="RunId">Its id.</param>
/// <param name="Client">The account it is in.</param>
/// <param name="Known">The snapshot the caller has.</param>
/// <param name="Origin">What only the caller knows.</param>
internal sealed record WaitTarget(string RunId, ComfyDeployClient Client, ComfyRun? Known, RunOrigin? Origin);

internal enum WaitEnd
{
    Finished,
    TimedOut,
    NotFound,
    PollFailed,
}

/// <summary>How the wait for one run ended.</summary>
/// <param name="Target">The run waited for.</param>
/// <param name="Run">Its last snapshot; null where none was ever read.</param>
/// <param name="End">How it ended.</param>
/// <param name="Error">What stood in the way.</param>
internal sealed record WaitOutcome(WaitTarget Target, ComfyRun? Run, WaitEnd End, ComfyDeployException? Error = null);
