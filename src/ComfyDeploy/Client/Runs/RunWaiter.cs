using System.Collections.Concurrent;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Polls many runs at once, under one deadline that starts with the first, and returns each when it is decided.</summary>
internal sealed class RunWaiter : IDisposable
{
    private const int MaxFailures = 10;
    private static readonly TimeSpan FailureTimeout = TimeSpan.FromMinutes(2);

    private readonly IClock _clock;
    private readonly ICallLog _log;
    private readonly Throttle _throttle = new();
    private readonly SemaphoreSlim _decided = new(0);
    private readonly ConcurrentQueue<Task<WaitOutcome>> _outcomes = new();
    private readonly ConcurrentDictionary<string, (int Place, ComfyRun Run)> _live = new();
    private readonly CancellationTokenSource _closed;
    private readonly WaitDeadline _deadline;
    private int _added;
    private int _pending;

    internal RunWaiter(TimeSpan timeout, IClock clock, ICallLog log, CancellationToken cancellationToken)
    {
        _clock = clock;
        _log = log;
        _closed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _deadline = new(timeout, clock, _closed.Token);
    }

    /// <summary>What is left until the deadline; null before the first run.</summary>
    internal TimeSpan? Left => _deadline.Left;

    /// <summary>The last snapshot of each run that <see cref="NextAsync"/> has not returned, in the order they were added.</summary>
    internal IReadOnlyList<ComfyRun> Live => [.. _live.Values.OrderBy(live => live.Place).Select(live => live.Run)];

    /// <summary>How many runs <see cref="NextAsync"/> would return at once.</summary>
    internal int Ready => _outcomes.Count;

    internal void Add(WaitTarget target)
    {
        _deadline.Start();
        int place = _added++;
        if (target.Known is not null) _live[target.RunId] = (place, target.Known);
        _pending++;
        _ = DecideAsync(target, place);
    }

    /// <summary>The next run that is decided.</summary>
    /// <returns>Null when none is pending.</returns>
    internal async Task<WaitOutcome?> NextAsync(CancellationToken cancellationToken)
    {
        if (_pending == 0) return null;
        await _decided.WaitAsync(cancellationToken).ConfigureAwait(false);
        _pending--;
        if (!_outcomes.TryDequeue(out Task<WaitOutcome>? outcome)) return null;
        WaitOutcome decided = await outcome.ConfigureAwait(false);
        _live.TryRemove(decided.Target.RunId, out _);
        return decided;
    }

    public void Dispose()
    {
        // Polls under way end with the token; their semaphore holds nothing to dispose.
        _closed.Cancel();
        _closed.Dispose();
        _deadline.Dispose();
    }

    private async Task DecideAsync(WaitTarget target, int place)
    {
        Task<WaitOutcome> outcome = PollAsync(target, place, _closed.Token);
        await Task.WhenAny(outcome).ConfigureAwait(false);
        _outcomes.Enqueue(outcome);
        _decided.Release();
    }

    private async Task<WaitOutcome> PollAsync(WaitTarget target, int place, CancellationToken cancellationToken)
    {
        // Every run is looked at once, whatever the deadline.
        CancellationToken limit = _deadline.FirstLook;
        CancellationToken deadline = _deadline.Token;
        DateTime began = _clock.Now;
        ComfyRun? last = target.Known;
        ComfyDeployException? failure = null;
        DateTime failingSince = began;
        int failures = 0;
        try
        {
            while (true)
            {
                try
                {
                    ComfyRun run = await _throttle.RunAsync(() => target.Client.GetRunAsync(target.RunId, target.Origin, limit), limit)
                        .ConfigureAwait(false);
                    if (run.Status != last?.Status) _log.Verbose($"Run {target.RunId}: {SafeText.Clean(run.Status)}.");
                    last = run;
                    _live[target.RunId] = (place, run);
                    _deadline.Answered();
                    failure = null;
                    failures = 0;
                    if (run.IsFinished) return new(target, run, WaitEnd.Finished);
                }
                catch (ComfyDeployException e) when (e.ErrorId is ErrorIds.RunNotFound)
                {
                    return new(target, null, WaitEnd.NotFound, e);
                }
                catch (ComfyDeployException e)
                    when (e.ErrorId is not (ErrorIds.ApiKeyRejected or ErrorIds.NotSupportedByServer or ErrorIds.NotConnected))
                {
                    _log.Verbose($"Reading run {target.RunId} failed: {e.Message}");
                    failure = e;
                    if (failures++ == 0) failingSince = _clock.Now;
                    // The pause that the service asked for does not count as failing.
                    failingSince += e.RetryAfter ?? TimeSpan.Zero;
                    if (failures >= MaxFailures || _clock.Now - failingSince > FailureTimeout)
                    {
                        return new(target, last, WaitEnd.PollFailed, e);
                    }
                }
                limit = deadline;
                TimeSpan pause = failure is null ? PollInterval.After(_clock.Now - began) : Retry.PauseBefore(failures, failure.RetryAfter);
                await _clock.DelayAsync(pause, deadline).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(target, last, last is null ? WaitEnd.PollFailed : WaitEnd.TimedOut, failure);
        }
    }
}
