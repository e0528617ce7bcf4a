namespace ComfyDeploy.Client;

/// <summary>
/// The runs of one workflow that are waited for. One request for the list of the workflow looks at all of them; it says only which of them
/// have to be read by themselves. Whoever is due first sends it, and the others use it too.
/// </summary>
internal sealed class WorkflowPoll(RunPoller poller, string workflowId) : IDisposable
{
    private const int MaxProbes = 2;
    private const int MaxRunsWithProgress = 5;
    private static readonly TimeSpan MinListPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProgressPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MinBroken = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MaxBroken = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan SoonDue = TimeSpan.FromSeconds(2);

    private readonly object _gate = new();
    private readonly List<PolledRun> _runs = [];
    private readonly IClock _clock = poller.Session.Clock;
    private TaskCompletionSource<RunListLook?>? _look;
    private RunListLook? _last;
    private Doorbell? _doorbell;
    private bool _hasListened;
    private int _failures;
    private int _probes;
    private TimeSpan _brokenFor = MinBroken;
    private DateTime _brokenUntil;

    internal string WorkflowId => workflowId;

    /// <summary>Whether there are so many runs that the list is worth more requests.</summary>
    internal bool IsShared => _runs.Count >= 10;

    /// <summary>Whether the service announces changes.</summary>
    internal bool Rings => _doorbell is { IsTrusted: true };

    internal void Add(PolledRun run)
    {
        lock (_gate) _runs.Add(run);
    }

    /// <returns>Whether that was the last one.</returns>
    internal bool Remove(PolledRun run)
    {
        lock (_gate) return _runs.Remove(run) && _runs.Count == 0;
    }

    public void Dispose() => _doorbell?.Dispose();

    internal async Task UntilReadAsync(PolledRun run)
    {
        while (true)
        {
            run.Limit.ThrowIfCancellationRequested();
            ListenWhile(run);
            await run.SleepAsync().ConfigureAwait(false);
            if (run.NeedsRead) return;
            // Another look has come in between.
            if (run.DueAt > _clock.Now) continue;
            if (!UsesList(run)) return;
            await LookAsync(run).ConfigureAwait(false);
            if (run.NeedsRead) return;
        }
    }

    /// <summary>The service announced a change of a run, or claims so.</summary>
    internal void Announce(string runId, string? status)
    {
        PolledRun[] announced;
        lock (_gate) announced = [.. _runs.Where(run => string.Equals(run.Target.RunId, runId, StringComparison.OrdinalIgnoreCase))];
        foreach (PolledRun run in announced) run.Announce(status);
    }

    /// <summary>Compares what is seen of a run with what was announced.</summary>
    internal void Judge(PolledRun run, ComfyRun seen, bool isRead)
    {
        lock (_gate)
        {
            // A read that comes out well while the list does not shows that the list is the problem.
            if (isRead && _failures > 0) _probes++;
        }
        if (isRead && run.IsEndAnnounced) _doorbell?.JudgeEnd(seen.IsFinished);
        if (seen.Status != run.Last?.Status) _doorbell?.JudgeChange(run.IsAnnounced, run.LookedAt);
    }

    /// <summary>Listens to the service if the wait goes on.</summary>
    private void ListenWhile(PolledRun run)
    {
        if (_hasListened || run.DueAt - _clock.Now < MinListPause) return;
        lock (_gate)
        {
            if (_hasListened || _runs.Count == 0) return;
            _hasListened = true;
            _doorbell = poller.OpenDoorbell(this, run.Log);
        }
        _doorbell?.Open();
    }

    /// <summary>What was announced is announced no longer.</summary>
    internal void Disconnect()
    {
        foreach (PolledRun run in Snapshot()) run.Disconnect();
    }

    /// <summary>Whether the list is worth its request: for several runs, or once for the history it contains.</summary>
    private bool UsesList(PolledRun run)
    {
        lock (_gate)
        {
            if (run.IsUnlisted || _clock.Now < _brokenUntil) return false;
            DateTime soon = _clock.Now + SoonDue;
            return _runs.Count(each => each.DueAt <= soon) > 1 || !poller.Times.HasRead(workflowId);
        }
    }

    private async Task LookAsync(PolledRun run)
    {
        TaskCompletionSource<RunListLook?>? under = null;
        TaskCompletionSource<RunListLook?> own = new();
        lock (_gate)
        {
            if (_last is { Failure: null } last && _clock.Now < last.At + MinListPause)
            {
                // Too soon for another one: who has come since uses this one.
                if (run.LookedAt >= last.At) run.DueAt = last.At + MinListPause;
                else run.SetListed(last.Find(run.Target.RunId));
                return;
            }
            if (_look is null) _look = own;
            else under = _look;
        }
        if (under is null)
        {
            await LeadAsync(run, own).ConfigureAwait(false);
            return;
        }
        RunListLook? look = await EndAsync(under.Task, run.Limit).ConfigureAwait(false);
        if (look is not null) run.Service.Observe(look.Failure);
    }

    private async Task LeadAsync(PolledRun leader, TaskCompletionSource<RunListLook?> own)
    {
        RunListLook? look = null;
        try
        {
            bool readsHistory = poller.Times.BeginRead(workflowId);
            look = await RunListLook.ReadAsync(leader, Snapshot(), _last?.Depth ?? 0, readsHistory).ConfigureAwait(false);
            if (readsHistory) TakeHistory(look);
        }
        finally
        {
            lock (_gate)
            {
                _look = null;
                if (look is not null) Take(look, leader);
            }
            // Null when whoever sent it no longer waits: another one sends it again.
            own.TrySetResult(look);
            foreach (PolledRun run in Snapshot().Where(run => run.NeedsRead)) run.Wake();
        }
    }

    /// <summary>The runs that nobody waits for tell how long the others may take.</summary>
    private void TakeHistory(RunListLook look)
    {
        HashSet<string> own = new(Snapshot().Select(run => run.Target.RunId), StringComparer.OrdinalIgnoreCase);
        foreach (ComfyRun row in look.Rows.Values.Where(row => !own.Contains(row.RunId!))) poller.Times.Add(row);
    }

    private PolledRun[] Snapshot()
    {
        lock (_gate) return [.. _runs];
    }

    private void Take(RunListLook look, PolledRun leader)
    {
        _last = look;
        if (look.Failure is { } failure)
        {
            Fail(failure, leader);
            return;
        }
        _failures = _probes = 0;
        _brokenFor = MinBroken;
        foreach (PolledRun run in _runs) run.SetListed(look.Find(run.Target.RunId));
        IEnumerable<PolledRun> watched = _runs.Where(run => run is { IsRunning: true, Target.WantsProgress: true })
            .OrderBy(run => run.Last!.StartedAt).Take(MaxRunsWithProgress);
        foreach (PolledRun run in watched.Where(run => run.Unread >= ProgressPause)) run.NeedsRead = true;
    }

    /// <summary>
    /// The run that sent the request is read by itself, to find out whether the service is away or only the list cannot be read. Then the
    /// runs are read one by one for a while, as they are when the service refuses the list.
    /// </summary>
    private void Fail(ComfyDeployException failure, PolledRun leader)
    {
        _failures++;
        bool isRefused = failure is { StatusCode: >= 400 and < 500 and not (401 or 408 or 429) } or { ErrorId: ErrorIds.NotConnected };
        if (isRefused || _probes >= MaxProbes || leader.Service.RefusesKey)
        {
            _brokenUntil = _clock.Now + _brokenFor;
            _brokenFor = _brokenFor < MaxBroken ? _brokenFor + _brokenFor : MaxBroken;
            _failures = _probes = 0;
            foreach (PolledRun run in _runs) run.NeedsRead |= run.DueAt <= _clock.Now;
            return;
        }
        leader.NeedsRead = true;
        TimeSpan pause = Retry.PauseBefore(_failures, failure.RetryAfter, _clock);
        foreach (PolledRun run in _runs.Where(run => run != leader && run.DueAt < _clock.Now + pause)) run.DueAt = _clock.Now + pause;
    }

    /// <summary>Waits for what another run has asked for, but not past the own deadline.</summary>
    private static async Task<T> EndAsync<T>(Task<T> work, CancellationToken cancellationToken)
    {
        TaskCompletionSource<T> canceled = new();
        using CancellationTokenRegistration registration = cancellationToken.Register(() => canceled.TrySetCanceled(cancellationToken));
        return await (await Task.WhenAny(work, canceled.Task).ConfigureAwait(false)).ConfigureAwait(false);
    }
}
