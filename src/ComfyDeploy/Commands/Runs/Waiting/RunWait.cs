using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>What a wait is asked for.</summary>
/// <param name="Timeout">The deadline of the whole set, counted from its first run.</param>
/// <param name="KeepOrder">Return runs in the order they were added, not as they finish.</param>
/// <param name="ReadErrorDetail">Look up why runs failed.</param>
/// <param name="RequiredCount">How many finished runs are enough; null for all.</param>
internal sealed record RunWaitOptions(TimeSpan Timeout, bool KeepOrder, bool ReadErrorDetail, int? RequiredCount);

/// <summary>
/// The state of one wait for a set of runs. Knows no PowerShell: its owner writes the runs that <see cref="TakeReady"/> returns,
/// and every run given to it leaves it once, there or through <see cref="EndAsync"/>.
/// </summary>
internal sealed class RunWait(RunWaitOptions options, ICallLog log, CancellationToken cancellationToken) : IDisposable
{
    private readonly Dictionary<ApiSession, FailureReasons> _reasons = [];
    private readonly Dictionary<string, int> _places = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _order = [];
    private readonly Dictionary<string, ComfyRun> _held = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<ComfyRun> _ready = [];
    private readonly List<ComfyRun> _unsuccessful = [];
    private readonly List<LateRun> _late = [];
    private readonly List<WaitOutcome> _lost = [];
    private RunWaiter? _waiter;
    private int _nextInOrder;
    private bool _isTaken;

    internal TimeSpan Timeout => options.Timeout;

    /// <summary>How many runs, rows and refused references came in.</summary>
    internal int Received { get; private set; }

    internal int Finished { get; private set; }

    /// <summary>References that could not be waited for.</summary>
    internal int Refused { get; private set; }

    internal bool HasEnough => Finished >= options.RequiredCount;

    internal IReadOnlyCollection<string> RunIds => _places.Keys;

    internal IReadOnlyList<ComfyRun> Unsuccessful => _unsuccessful;

    /// <summary>The runs that did not finish by the deadline, in the order they were added.</summary>
    internal IReadOnlyList<LateRun> Late => _late;

    /// <summary>The runs that could no longer be read.</summary>
    internal IReadOnlyList<WaitOutcome> Lost => _lost;

    /// <summary>The last snapshot of each run that is not decided yet.</summary>
    internal IReadOnlyList<ComfyRun> Live => _waiter?.Live ?? [];

    internal TimeSpan? TimeLeft => _waiter?.Left;

    /// <summary>Whether <see cref="NextAsync"/> would return at once.</summary>
    internal bool HasNext => _waiter is { Ready: > 0 };

    public void Dispose() => _waiter?.Dispose();

    /// <summary>Starts to wait for a run, unless it was added before.</summary>
    internal void Add(WaitTarget target)
    {
        if (_places.ContainsKey(target.RunId)) return;
        _places.Add(target.RunId, _places.Count);
        _waiter ??= new(options.Timeout, target.Client.Session.Clock, log, cancellationToken);
        Received++;
        _order.Add(target.RunId);
        // The waiter looks again anyway, so a failed look is not retried at once.
        _waiter.Add(target with { Client = new(target.Client.Session, log) { MaxRetries = 0 } });
    }

    /// <summary>Passes on what has no run to wait for, such as a row that was not queued.</summary>
    internal void AddFinished(ComfyRun run)
    {
        Received++;
        string place = run.RunId ?? $"row {Received}";
        _order.Add(place);
        Keep(place, run);
        ReleaseHeld();
    }

    /// <summary>Counts a reference that is reported as an error.</summary>
    internal void AddRefused()
    {
        Received++;
        Refused++;
    }

    /// <summary>Waits for the next decided run, and takes all that are decided with it.</summary>
    /// <returns>False when nothing is pending.</returns>
    /// <exception cref="ComfyDeployException">No run can be read any more, such as after a rejected key.</exception>
    internal async Task<bool> NextAsync(CancellationToken cancellationToken = default)
    {
        if (_waiter is null) return false;
        List<WaitOutcome> batch = [];
        try
        {
            // No more than are ready now: the first of many that end in a row must not wait for the last.
            int size = Math.Max(1, _waiter.Ready);
            while (batch.Count < size && await _waiter.NextAsync(cancellationToken).ConfigureAwait(false) is { } outcome)
            {
                batch.Add(outcome);
            }
            await ReadReasonsAsync(batch, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (WaitOutcome outcome in batch) Decide(outcome);
        }
        return batch.Count > 0;
    }

    /// <summary>The runs that can be written now.</summary>
    internal IReadOnlyList<ComfyRun> TakeReady()
    {
        ComfyRun[] ready = [.. _ready];
        _ready.Clear();
        return ready;
    }

    /// <summary>The runs that are not decided or held back for their turn: what an error must not lose.</summary>
    internal IReadOnlyList<ComfyRun> TakePending()
    {
        if (_waiter is null || _isTaken) return [];
        _isTaken = true;
        ComfyRun[] pending = [.. _ready, .. _held.Values, .. _waiter.Live];
        return pending;
    }

    /// <summary>Ends the wait at its deadline, and cancels the runs that are late where that is wanted.</summary>
    /// <returns>The late runs; none when enough runs have finished.</returns>
    internal async Task<IReadOnlyList<ComfyRun>> EndAsync(bool cancelLate)
    {
        if (HasEnough || _late.Count == 0) return [];
        _late.Sort((one, other) => _places[one.Target.RunId].CompareTo(_places[other.Target.RunId]));
        if (cancelLate)
        {
            Throttle throttle = new();
            LateRun[] outcomes = await Task.WhenAll(_late.Select(late => throttle.RunAsync(() => CancelAsync(late), cancellationToken)))
                .ConfigureAwait(false);
            _late.Clear();
            _late.AddRange(outcomes);
        }
        return [.. _late.Select(late => late.Run)];
    }

    private async Task ReadReasonsAsync(IReadOnlyList<WaitOutcome> batch, CancellationToken cancellationToken)
    {
        if (!options.ReadErrorDetail) return;
        IEnumerable<WaitOutcome> finished = batch.Where(outcome => outcome.End == WaitEnd.Finished);
        foreach (IGrouping<ApiSession, WaitOutcome> session in finished.GroupBy(outcome => outcome.Target.Client.Session))
        {
            if (!_reasons.TryGetValue(session.Key, out FailureReasons? reasons))
            {
                _reasons.Add(session.Key, reasons = new(new(session.Key, log), log));
            }
            await reasons.FillAsync(session.Select(o => o.Run!), cancellationToken).ConfigureAwait(false);
        }
    }

    private void Decide(WaitOutcome outcome)
    {
        if (outcome.End == WaitEnd.Finished)
        {
            Keep(outcome.Target.RunId, outcome.Run!);
        }
        else
        {
            _order.Remove(outcome.Target.RunId);
            if (outcome is { End: WaitEnd.TimedOut, Run: { } run })
            {
                _late.Add(new(outcome.Target, run));
            }
            else
            {
                _lost.Add(outcome);
                if (outcome.Run is not null) _ready.Add(outcome.Run);
            }
        }
        ReleaseHeld();
    }

    private void Keep(string place, ComfyRun run)
    {
        if (options.KeepOrder) _held[place] = run;
        else Release(run);
    }

    private void ReleaseHeld()
    {
        while (options.KeepOrder && _nextInOrder < _order.Count && _held.TryGetValue(_order[_nextInOrder], out ComfyRun? run))
        {
            _held.Remove(_order[_nextInOrder++]);
            Release(run);
        }
    }

    private void Release(ComfyRun run)
    {
        if (HasEnough) return;
        Finished++;
        if (!run.IsSuccess) _unsuccessful.Add(run);
        _ready.Add(run);
    }

    private async Task<LateRun> CancelAsync(LateRun late)
    {
        ComfyDeployClient client = new(late.Target.Client.Session, log);
        try
        {
            await client.CancelRunAsync(late.Target.RunId, cancellationToken).ConfigureAwait(false);
            late = late with { IsCancelled = true };
            ComfyRun run = await client.GetRunAsync(late.Target.RunId, late.Target.Origin, cancellationToken).ConfigureAwait(false);
            return late with { Run = run };
        }
        catch (ComfyDeployException e)
        {
            string what = late.IsCancelled ? "read after it was cancelled" : "cancelled";
            log.Warning($"Run {late.Target.RunId} could not be {what}: {e.Message}");
            return late;
        }
    }
}

/// <summary>A run that did not finish by the deadline.</summary>
/// <param name="Target">The run waited for.</param>
/// <param name="Run">Its last snapshot.</param>
/// <param name="IsCancelled">Whether the service took its cancel.</param>
internal sealed record LateRun(WaitTarget Target, ComfyRun Run, bool IsCancelled = false)
{
    /// <summary>Whether it may still run, and bill.</summary>
    internal bool IsRunning => !Run.IsFinished && !IsCancelled;
}
