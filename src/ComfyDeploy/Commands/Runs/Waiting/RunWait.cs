using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>The options of a wait.</summary>
/// <param name="Timeout">The deadline of the whole set, counted from its first run.</param>
/// <param name="KeepOrder">Return runs in the order they were added, not as they finish.</param>
/// <param name="ReadErrorDetail">Look up why runs failed.</param>
/// <param name="RequiredCount">How many finished runs are enough; null for all.</param>
/// <param name="CancelLate">Cancel a run as soon as it is late.</param>
internal sealed record RunWaitOptions(
    TimeSpan Timeout, bool KeepOrder, bool ReadErrorDetail, int? RequiredCount, bool CancelLate = false)
{
    /// <summary>Whether the progress of runs is shown.</summary>
    internal bool ShowsProgress { get; init; }
}

/// <summary>
/// The state of one wait for a set of runs. Knows no PowerShell: its owner writes the runs that <see cref="TakeReady"/> returns,
/// and every run given to it leaves it once: there, through <see cref="End"/>, or by its id in <see cref="Lost"/>.
/// Runs may be added from any thread, since a run is waited for from the moment it is queued; all else is the owner's.
/// </summary>
internal sealed class RunWait(RunWaitOptions options, ICallLog log, CancellationToken cancellationToken) : IDisposable
{
    private readonly object _gate = new();
    private readonly Dictionary<string, int> _places = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _passedOn = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _order = [];
    private readonly Dictionary<string, ComfyRun> _held = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<ComfyRun> _ready = [];
    private readonly List<ComfyRun> _unsuccessful = [];
    private readonly HashSet<int> _undecided = [];
    private readonly List<WaitOutcome> _late = [];
    private readonly List<WaitOutcome> _lost = [];
    private readonly WaitedBatches _batches = new(options);
    private RunWaiter? _waiter;
    private int _nextInOrder;
    private bool _isOver;

    internal RunWaitOptions Options => options;

    /// <summary>How many runs, rows and refused references came in.</summary>
    internal int Received { get; private set; }

    internal int Finished { get; private set; }

    /// <summary>References that could not be waited for.</summary>
    internal int Refused { get; private set; }

    internal bool HasEnough => Finished >= options.RequiredCount;

    internal IReadOnlyList<ComfyRun> Unsuccessful => _unsuccessful;

    /// <summary>The runs that did not finish by the deadline, in the order they were added.</summary>
    internal IReadOnlyList<WaitOutcome> Late => _late;

    /// <summary>The runs that could not be read until the deadline, do not exist, or whose connection can no longer be used.</summary>
    internal IReadOnlyList<WaitOutcome> Lost => _lost;

    /// <summary>The last snapshot of each run that is not decided yet.</summary>
    internal IReadOnlyList<ComfyRun> Live => [.. _waiter?.Live.Select(live => live.Run) ?? []];

    internal TimeSpan? TimeLeft => _waiter?.Left;

    /// <summary>Whether <see cref="NextAsync"/> would return at once.</summary>
    internal bool HasNext => _waiter is { Ready: > 0 };

    /// <summary>The IDs of the runs that are not decided yet.</summary>
    internal IReadOnlyList<string> Undecided
    {
        get
        {
            lock (_gate) return [.. _places.Where(place => _undecided.Contains(place.Value)).Select(place => place.Key.Split(' ')[^1])];
        }
    }

    public void Dispose() => _waiter?.Dispose();

    /// <summary>Warns when an outage of the service has begun; to be called a few times a second.</summary>
    /// <returns>How long the service has been away; null while it can be reached.</returns>
    internal TimeSpan? CheckOutage() => _waiter?.CheckOutage();

    /// <summary>Starts to wait for a run, unless it was added before.</summary>
    internal void Add(WaitTarget target)
    {
        lock (_gate)
        {
            string key = Key(target);
            if (IsKnown(key)) return;
            int place = _places.Count;
            _places.Add(key, place);
            _waiter ??= new(options.Timeout, target.Client.Session.Clock, log, cancellationToken)
            {
                CancelLate = options.CancelLate,
                ReadReasons = options.ReadErrorDetail,
                WantsProgress = options.ShowsProgress,
                OnFinished = _batches.CountFinished,
                OnDeadline = _batches.EndLate,
            };
            Received++;
            _undecided.Add(place);
            _order.Add(key);
            // The waiter looks again anyway, so a failed look is not retried at once.
            _waiter.Add(target with { Client = new(target.Client.Session, log) { MaxRetries = 0 } });
        }
    }

    /// <summary>Takes note of a batch whose runs are waited for: when the wait is over, nothing more of it is queued.</summary>
    internal void Join(BatchSignal batch) => _batches.Add(batch);

    /// <summary>Passes on what has no run to wait for, such as a row that was not queued; a run, unless it was added before.</summary>
    internal void AddFinished(ComfyRun run)
    {
        // What has finished by now is first: a row may be left over because enough runs have finished.
        DecideReady();
        lock (_gate)
        {
            string place = run.RunId is { } id ? Key(run.Connection, id) : $"row {Received}";
            if (IsKnown(place)) return;
            Received++;
            _passedOn.Add(place);
            _order.Add(place);
            Keep(place, run);
            ReleaseHeld();
        }
        _batches.CountFinished();
    }

    /// <summary>Counts a reference that is reported as an error.</summary>
    internal void AddRefused()
    {
        lock (_gate) Received++;
        Refused++;
    }

    /// <summary>Waits for the next decided run, and takes all that are decided with it.</summary>
    /// <returns>False when nothing is pending.</returns>
    internal async Task<bool> NextAsync(CancellationToken cancellationToken = default)
    {
        if (_waiter is null || await _waiter.NextAsync(cancellationToken).ConfigureAwait(false) is not { } outcome) return false;
        Decide(outcome);
        DecideReady();
        return true;
    }

    /// <summary>The runs that can be written now.</summary>
    internal IReadOnlyList<ComfyRun> TakeReady()
    {
        lock (_gate)
        {
            ComfyRun[] ready = [.. _ready];
            _ready.Clear();
            return ready;
        }
    }

    /// <summary>Every run that has not left yet, as it was last seen: what an error must not lose.</summary>
    internal IReadOnlyList<ComfyRun> TakePending()
    {
        // First those under way: one that is decided meanwhile must be in one of the two.
        IReadOnlyList<(int Place, ComfyRun Run)> live = _waiter?.Live ?? [];
        DecideReady();
        lock (_gate)
        {
            ComfyRun[] undecided = [.. live.Where(one => _undecided.Remove(one.Place)).Select(one => one.Run)];
            ComfyRun[] pending = [.. TakeReady(), .. _held.Values, .. TakeLate(), .. undecided];
            _held.Clear();
            return pending;
        }
    }

    /// <summary>Ends the wait when nothing is pending any more.</summary>
    /// <returns>The late runs in the order they were added; none when enough runs have finished, and the others may go on.</returns>
    internal IReadOnlyList<ComfyRun> End() => HasEnough && !options.CancelLate ? [] : TakeLate();

    /// <summary>A run is known by its service and its id, whatever connection it was named with.</summary>
    private static string Key(ComfyConnection? connection, string runId) => $"{connection?.BaseUri} {runId}";

    private static string Key(WaitTarget target) => Key(target.Client.Session.Connection, target.RunId);

    private bool IsKnown(string key) => _places.ContainsKey(key) || _passedOn.Contains(key);

    private IReadOnlyList<ComfyRun> TakeLate()
    {
        if (_isOver) return [];
        _isOver = true;
        _late.Sort((one, other) => _places[Key(one.Target)].CompareTo(_places[Key(other.Target)]));
        return [.. _late.Select(late => late.Run!)];
    }

    private void DecideReady()
    {
        while (_waiter?.TakeDecided() is { } outcome) Decide(outcome);
    }

    private void Decide(WaitOutcome outcome)
    {
        lock (_gate) DecideLocked(outcome);
    }

    private void DecideLocked(WaitOutcome outcome)
    {
        string key = Key(outcome.Target);
        if (!_undecided.Remove(_places[key])) return;
        if (outcome.End == WaitEnd.Finished)
        {
            Keep(key, outcome.Run!);
        }
        else
        {
            _order.Remove(key);
            if (outcome.End == WaitEnd.TimedOut)
            {
                _late.Add(outcome);
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
}
