namespace ComfyDeploy.Client;

/// <summary>
/// The runs of one workflow that are waited for. One request for the list of the workflow looks at all of them; it says only which of them
/// have to be read by themselves. Whoever is due first sends it, and the others use it too.
/// </summary>
internal sealed class WorkflowPoll(RunPoller poller, string workflowId) : IDisposable
{
    private const int MaxRunsWithProgress = 5;
    private static readonly TimeSpan MinListenPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProgressPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SoonDue = TimeSpan.FromSeconds(2);

    private readonly object _gate = new();
    private readonly List<PolledRun> _runs = [];
    private readonly IClock _clock = poller.Session.Clock;
    private TaskCompletionSource<RunListLook?>? _look;
    private RunListLook? _last;
    private Doorbell? _doorbell;
    private bool _hasListened;
    private readonly ListHealth _list = new(poller.Session.Clock);

    internal string WorkflowId => workflowId;

    /// <summary>Whether there are so many runs that the list is worth more requests.</summary>
    internal bool IsShared => _runs.Count >= 10 && !_list.IsBroken;

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
            await run.Timer.SleepAsync(run.Limit).ConfigureAwait(false);
            if (run.NeedsRead) return;
            // Another look has come in between.
            if (!run.Timer.IsDue) continue;
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
        bool rang = Rings;
        if (isRead)
        {
            lock (_gate) _list.Probe();
        }
        if (isRead && run.IsEndAnnounced) _doorbell?.JudgeEnd(seen.IsFinished);
        if (seen.Status == run.Last?.Status) return;
        _doorbell?.JudgeChange(seen.IsFinished ? run.IsEndAnnounced : run.IsAnnounced, run.Timer.LookedAt);
        // The others rely on what is announced.
        if (isRead && rang && !Rings) Disconnect();
    }

    /// <summary>A run was read because the list says that it has ended.</summary>
    internal void JudgeList(bool isFinished)
    {
        lock (_gate) _list.JudgeEnd(isFinished);
    }

    /// <summary>Listens to the service if the wait goes on.</summary>
    private void ListenWhile(PolledRun run)
    {
        if (_hasListened || run.Timer.DueAt - _clock.Now < MinListenPause) return;
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
            if (run.IsUnlisted || _list.IsBroken) return false;
            DateTime soon = _clock.Now + SoonDue;
            return _runs.Count(each => each.Timer.DueAt <= soon) > 1 || !poller.Times.HasRead(workflowId);
        }
    }

    private async Task LookAsync(PolledRun run)
    {
        TaskCompletionSource<RunListLook?>? under = null;
        TaskCompletionSource<RunListLook?> own = new();
        lock (_gate)
        {
            if (_last is { Failure: null } last && _clock.Now - last.At is var age && age >= TimeSpan.Zero && age < last.Pause)
            {
                // Too soon for another one: who has come since uses this one.
                if (run.Timer.LookedAt >= last.At || last.Find(run.Target.RunId) is not { } row) run.Timer.DueAt = last.At + last.Pause;
                else run.SetListed(row);
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
        bool readsHistory = !poller.Times.HasRead(workflowId);
        PolledRun[] runs = [.. Snapshot().Where(run => !run.IsUnlisted)];
        try
        {
            look = await RunListLook.ReadAsync(workflowId, leader, runs, _last?.Depth ?? 0, readsHistory).ConfigureAwait(false);
            if (readsHistory && look.Failure is null) TakeHistory(look);
            if (look.Failure is { } failure) leader.Log.Verbose($"Listing the runs of workflow {workflowId} failed: {failure.Message}");
        }
        finally
        {
            End(look, leader, runs);
            // Null when whoever sent it no longer waits: another one sends it again.
            own.TrySetResult(look);
            foreach (PolledRun run in Snapshot().Where(run => run.IsOverslept)) run.Timer.Wake();
        }
    }

    /// <summary>Ends a look, whatever it saw; nothing here may throw, since others wait for it.</summary>
    private void End(RunListLook? look, PolledRun leader, PolledRun[] runs)
    {
        lock (_gate)
        {
            _look = null;
            if (look is null) return;
            _last = look;
            if (look.Failure is { } failure) Fail(failure, leader);
            else if (!runs.Any(run => look.Find(run.Target.RunId) is not null))
            {
                // Those of another account, or of another time.
                _list.Break();
                ReadEach();
            }
            else Take(look, runs);
        }
    }

    /// <summary>The runs that nobody waits for tell how long the others may take.</summary>
    private void TakeHistory(RunListLook look)
    {
        HashSet<string> own = new(Snapshot().Select(run => run.Target.RunId), StringComparer.OrdinalIgnoreCase);
        poller.Times.Read(workflowId, look.Rows.Values.Where(row => !own.Contains(row.RunId!)));
    }

    private PolledRun[] Snapshot()
    {
        lock (_gate) return [.. _runs];
    }

    private void Take(RunListLook look, PolledRun[] runs)
    {
        _list.Succeed();
        bool rang = Rings;
        HashSet<PolledRun> sought = [.. runs];
        foreach (PolledRun run in _runs)
        {
            // One that has come meanwhile was not looked for.
            ComfyRun? row = look.Find(run.Target.RunId);
            if (row is not null || sought.Contains(run)) run.SetListed(row);
        }
        if (rang && !Rings) _runs.ForEach(run => run.Reschedule());
        IEnumerable<PolledRun> watched = _runs.Where(run => run is { IsRunning: true, Target.WantsProgress: true })
            .OrderBy(run => run.Last!.StartedAt).Take(MaxRunsWithProgress);
        foreach (PolledRun run in watched.Where(run => run.IsCalm && run.Unread >= ProgressPause)) run.AskForRead();
    }

    /// <summary>Without the list, the run that sent the request is read by itself, or each run that is due.</summary>
    private void Fail(ComfyDeployException failure, PolledRun leader)
    {
        if (_list.Fail(failure, leader.Service.RefusesKey) is not { } pause)
        {
            ReadEach();
            return;
        }
        leader.AskForRead();
        DateTime next = _clock.Now + pause;
        foreach (PolledRun run in _runs.Where(run => run != leader && run.Timer.DueAt < next)) run.Timer.DueAt = next;
    }

    private void ReadEach()
    {
        foreach (PolledRun run in _runs.Where(run => run.Timer.IsDue)) run.AskForRead();
    }

    /// <summary>Waits for what another run has asked for, but not past the own deadline.</summary>
    private static async Task<T> EndAsync<T>(Task<T> work, CancellationToken cancellationToken)
    {
        TaskCompletionSource<T> canceled = new();
        using CancellationTokenRegistration registration = cancellationToken.Register(() => canceled.TrySetCanceled(cancellationToken));
        return await (await Task.WhenAny(work, canceled.Task).ConfigureAwait(false)).ConfigureAwait(false);
    }
}
