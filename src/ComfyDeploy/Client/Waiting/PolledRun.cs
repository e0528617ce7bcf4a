using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>A run that one wait looks at: what was seen of it last, and when to look again.</summary>
internal sealed class PolledRun : IDisposable
{
    private static readonly TimeSpan MaxUnread = TimeSpan.FromMinutes(10);

    private readonly ApiSession _session;
    private readonly DateTime _began;
    private readonly (CancellationToken FirstLook, CancellationToken Deadline) _limits;
    private WorkflowPoll? _poll;
    // Never disposed: without a timer or a wait handle there is nothing to free, and an announcement may come at any time.
    private CancellationTokenSource _wake = new();
    private ComfyRun? _listed;
    private DateTime _readAt;
    private TimeSpan _maxUnread = MaxUnread;
    private DateTime? _startedAt;
    private bool _isLookedAt;
    private bool _isBeingRead;
    private bool _isFailing;

    /// <param name="target">The run.</param>
    /// <param name="service">What its wait knows of the service.</param>
    /// <param name="log">Receives its changes.</param>
    /// <param name="limits">The token of the first look, and the token of the deadline.</param>
    internal PolledRun(
        WaitTarget target, Reachability service, ICallLog log, (CancellationToken FirstLook, CancellationToken Deadline) limits)
    {
        (Target, Service, Log, _limits) = (target, service, log, limits);
        _session = target.Client.Session;
        Last = target.Known;
        _began = _readAt = LookedAt = DueAt = Now;
    }

    internal WaitTarget Target { get; }

    internal Reachability Service { get; }

    internal ICallLog Log { get; }

    /// <summary>The last snapshot; null before the first.</summary>
    internal ComfyRun? Last { get; private set; }

    /// <summary>When to look again, UTC.</summary>
    internal DateTime DueAt { get; set; }

    /// <summary>Whether it must be read by itself: only that decides how it ended.</summary>
    internal bool NeedsRead { get; set; }

    /// <summary>Whether the list of its workflow does not contain it.</summary>
    internal bool IsUnlisted { get; private set; }

    /// <summary>Whether the service announced a change since the last look.</summary>
    internal bool IsAnnounced { get; private set; }

    /// <summary>Whether the service announced its end since it was last read.</summary>
    internal bool IsEndAnnounced { get; private set; }

    /// <summary>Ends the current look: the first one may take longer than the deadline.</summary>
    internal CancellationToken Limit => _isLookedAt ? _limits.Deadline : _limits.FirstLook;

    internal bool IsRunning => (_listed ?? Last)?.Status is not (null or RunStatus.NotStarted or RunStatus.Queued);

    /// <summary>When it was last seen, UTC.</summary>
    internal DateTime LookedAt { get; private set; }

    /// <summary>How long ago it was read by itself.</summary>
    internal TimeSpan Unread => Now - _readAt;

    /// <summary>When it was created, UTC by the service's clock, as far as it is known.</summary>
    internal DateTime? CreatedAt => Last?.CreatedAt?.ToUniversalTime();

    private DateTime Now => _session.Clock.Now;

    public void Dispose()
    {
        if (_poll is not null) _session.Poller.Leave(_poll, this);
    }

    /// <summary>Waits until the run is to be read by itself.</summary>
    /// <exception cref="OperationCanceledException">The deadline has passed.</exception>
    internal async Task UntilReadAsync()
    {
        if (_poll is null && Last?.WorkflowId is { Length: > 0 } workflow) _poll = _session.Poller.Join(workflow, this);
        if (_poll is not null) await _poll.UntilReadAsync(this).ConfigureAwait(false);
        else await SleepAsync().ConfigureAwait(false);
        NeedsRead = false;
        _isBeingRead = true;
    }

    /// <summary>Waits until the run is due, or something is announced.</summary>
    internal async Task SleepAsync()
    {
        TimeSpan pause = DueAt - Now;
        if (pause <= TimeSpan.Zero) return;
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(Limit, _wake.Token);
        try
        {
            await _session.Clock.DelayAsync(pause, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!Limit.IsCancellationRequested)
        {
            // Something was announced.
            _wake = new();
        }
    }

    /// <summary>The run was read by itself.</summary>
    internal void SetRead(ComfyRun run)
    {
        Report(run);
        _poll?.Judge(this, run, isRead: true);
        Target.Known = _listed = null;
        Last = run;
        _readAt = LookedAt = Now;
        _isLookedAt = true;
        IsAnnounced = IsEndAnnounced = _isFailing = _isBeingRead = false;
        if (run.IsFinished) _session.Poller.Times.Add(run);
        else Reschedule();
    }

    /// <summary>A list of the workflow was read: this is its row of the run.</summary>
    internal void SetListed(ComfyRun? row)
    {
        // What is read meanwhile is newer.
        if (_isBeingRead) return;
        IsUnlisted = row is null;
        if (row is null or { IsFinished: true })
        {
            NeedsRead = !_isFailing || DueAt <= Now;
            return;
        }
        _poll?.Judge(this, row, isRead: false);
        IsAnnounced = false;
        _listed = row;
        LookedAt = Now;
        _isLookedAt = true;
        // The service finds out some ends only when the run itself is read.
        if (IsRunning && Unread > _maxUnread && row.UpdatedAt?.ToUniversalTime() < _session.ServiceNow - MaxUnread)
        {
            NeedsRead = true;
            _maxUnread += _maxUnread;
        }
        Report(row);
        // Of two snapshots with the same status, the one that was read by itself says more.
        if (Last is not { IsDetailed: true } || Last.Status != row.Status)
        {
            if (Last is not null) row.CarryOver(RunOrigin.Of(Last));
            Last = row;
            Target.Known = null;
        }
        Reschedule();
    }

    /// <summary>It could not be read: looks again after this time, or the usual one.</summary>
    internal void RetryIn(TimeSpan? pause)
    {
        DueAt = Now + (pause ?? PollSchedule.After(Now - _began));
        _isBeingRead = false;
        _isFailing = _isLookedAt = true;
    }

    /// <summary>The first look may wait a moment if the run was queued only now; it never waits past the deadline.</summary>
    internal void Begin(TimeSpan? timeLeft)
    {
        if (CreatedAt is not { } created || created < _session.ServiceNow - PollSchedule.After(TimeSpan.Zero)) return;
        TimeSpan pause = PollSchedule.After(TimeSpan.Zero);
        DueAt = Now + (timeLeft < pause ? timeLeft.Value : pause);
    }

    /// <summary>The service announced a change, which may be wrong.</summary>
    /// <param name="status">The new status; null for a cancel.</param>
    internal void Announce(string? status)
    {
        // These are no states.
        if (status is "input" or "output") return;
        IsAnnounced = true;
        if (status is null || RunStatus.IsFinished(status, null))
        {
            IsEndAnnounced = NeedsRead = true;
            Wake();
        }
        else if (status is "started" or "running" && _startedAt is null && Last is not null && !_isBeingRead)
        {
            _startedAt = _session.ServiceNow;
            Reschedule();
            Wake();
        }
    }

    internal void Wake() => _wake.Cancel();

    /// <summary>What was announced is no longer: looks again as if it never had been.</summary>
    internal void Disconnect()
    {
        if (Last is null || _isBeingRead || _isFailing) return;
        Reschedule();
        Wake();
    }

    /// <summary>Decides when to look again, by what is known now.</summary>
    internal void Reschedule()
    {
        ComfyRun run = (_listed ?? Last)!;
        bool rings = _poll is { Rings: true };
        bool isShared = _poll is { IsShared: true };
        TimeSpan usual = PollSchedule.After(Now - _began, isShared && IsRunning, rings, IsFarFromEnd(run));
        TimeSpan pause = usual;
        if (_session.Poller.Times.For(Last!) is { } expected)
        {
            DateTime now = _session.ServiceNow;
            TimeSpan age = now - (run.CreatedAt?.ToUniversalTime() ?? _began);
            pause = PollSchedule.After(expected, age, now - (run.StartedAt?.ToUniversalTime() ?? _startedAt), usual, rings);
        }
        DueAt = Now + pause;
        // Together with others, so that one request looks at all of them.
        if (isShared) DueAt = DueAt.AddTicks(usual.Ticks - 1 - ((DueAt.Ticks - 1) % usual.Ticks));
    }

    private static bool IsFarFromEnd(ComfyRun run) =>
        run is { Status: RunStatus.NotStarted or RunStatus.Queued } or { StartedAt: not null, PercentComplete: < 50 };

    private void Report(ComfyRun run)
    {
        if (run.Status != Last?.Status) Log.Verbose($"Run {Target.RunId}: {SafeText.Clean(run.Status)}.");
    }
}
