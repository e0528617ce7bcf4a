using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>A run that one wait looks at: what was seen of it last, and when to look again.</summary>
internal sealed class PolledRun : IDisposable
{
    private static readonly TimeSpan MaxUnread = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan MaxUnreadInQueue = TimeSpan.FromHours(1);
    private const int MaxBackstops = 10;
    private static readonly TimeSpan SoonShown = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan MinRetryPause = TimeSpan.FromSeconds(1);

    private readonly ApiSession _session;
    private readonly DateTime _began;
    private readonly (CancellationToken FirstLook, CancellationToken Deadline) _limits;
    private WorkflowPoll? _poll;
    private ComfyRun? _listed;
    private DateTime _readAt;
    private int _backstops;
    private bool _isListedAsFinished;
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
        Timer = new(_session.Clock);
        _began = _readAt = Now;
    }

    internal WaitTarget Target { get; }

    internal Reachability Service { get; }

    internal ICallLog Log { get; }

    /// <summary>The last snapshot; null before the first.</summary>
    internal ComfyRun? Last { get; private set; }

    /// <summary>When to look again.</summary>
    internal PollTimer Timer { get; }

    /// <summary>Whether it must be read by itself: only that decides how it ended.</summary>
    internal bool NeedsRead { get; private set; }

    /// <summary>Whether it sleeps, and must not.</summary>
    internal bool IsOverslept => NeedsRead || Timer.IsOverslept;

    /// <summary>Whether a look for its progress costs it nothing: it is not being read, and was read well.</summary>
    internal bool IsCalm => !_isBeingRead && !_isFailing;

    /// <summary>Whether the list of its workflow does not contain it.</summary>
    internal bool IsUnlisted { get; private set; }

    /// <summary>Whether the service announced a change since the last look.</summary>
    internal bool IsAnnounced { get; private set; }

    /// <summary>Whether the service announced its end since it was last read.</summary>
    internal bool IsEndAnnounced { get; private set; }

    /// <summary>Ends the current look: the first one may take longer than the deadline.</summary>
    internal CancellationToken Limit => _isLookedAt ? _limits.Deadline : _limits.FirstLook;

    internal bool IsRunning => (_listed ?? Last)?.Status is not (null or RunStatus.NotStarted or RunStatus.Queued);

    /// <summary>How long ago it was read by itself.</summary>
    internal TimeSpan Unread => Now - _readAt;

    /// <summary>When it was created, UTC by the service's clock, as far as it is known.</summary>
    internal DateTime? CreatedAt => Last is not { CreatedAt: { } created } ? null
        // Of a run that was queued here, the local clock said so.
        : created.ToUniversalTime() + (Last.ClockOffset == TimeSpan.Zero ? _session.ServiceNow - Now : TimeSpan.Zero);

    /// <summary>Ends its first look, whatever the deadline.</summary>
    internal CancellationToken FirstLook => _limits.FirstLook;

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
        else while (!Timer.IsDue) await Timer.SleepAsync(Limit).ConfigureAwait(false);
        NeedsRead = false;
        _isBeingRead = true;
    }

    /// <summary>Reads the run by itself as soon as possible: not before the pause that a failure asks for.</summary>
    internal void AskForRead()
    {
        if (!_isFailing || Timer.DueAt <= Now) NeedsRead = true;
    }

    /// <summary>The run was read by itself.</summary>
    internal void SetRead(ComfyRun run)
    {
        Report(run);
        _poll?.Judge(this, run, isRead: true);
        if (_isListedAsFinished) _poll?.JudgeList(run.IsFinished);
        Target.Known = _listed = null;
        Last = run;
        _readAt = Timer.LookedAt = Now;
        _isLookedAt = true;
        IsAnnounced = IsEndAnnounced = _isFailing = _isBeingRead = _isListedAsFinished = false;
        if (run.IsFinished) _session.Poller.Times.Add(run);
        else Reschedule();
    }

    /// <summary>A list of the workflow was read: this is its row of the run.</summary>
    internal void SetListed(ComfyRun? row)
    {
        // What is read meanwhile is newer.
        if (_isBeingRead) return;
        IsUnlisted = row is null;
        _isListedAsFinished = row is { IsFinished: true };
        if (row is null or { IsFinished: true })
        {
            if (row is not null && Target.StatusSuffices) Last = row;
            AskForRead();
            return;
        }
        _poll?.Judge(this, row, isRead: false);
        IsAnnounced = false;
        // Other waits share the row.
        ComfyRun own = row.Copy();
        _listed = own;
        Timer.LookedAt = Now;
        _isLookedAt = true;
        Report(own);
        // Of two snapshots with the same status, the one that was read by itself says more.
        if (Last is not { IsDetailed: true } || Last.Status != own.Status)
        {
            if (Last is not null) own.CarryOver(RunOrigin.Of(Last));
            Last = own;
            Target.Known = null;
        }
        Reschedule();
        if (!IsStale(own)) return;
        _backstops++;
        AskForRead();
    }

    /// <summary>The service finds out some ends only when the run itself is read, and a list may be an old one.</summary>
    private bool IsStale(ComfyRun row)
    {
        // What has started only now was in a queue until then.
        TimeSpan ran = _session.ServiceNow - row.StartedAt?.ToUniversalTime() ?? TimeSpan.MaxValue;
        TimeSpan unread = ran < Unread ? ran : Unread;
        TimeSpan max = row.StartedAt is not null || IsRunning ? MaxUnread : MaxUnreadInQueue;
        return unread.Ticks > max.Ticks << Math.Min(_backstops, MaxBackstops);
    }

    /// <summary>It could not be read: looks again after this time, or the usual one.</summary>
    internal void RetryIn(TimeSpan? pause)
    {
        Timer.DueAt = Now + (pause is { } time && time < MinRetryPause ? MinRetryPause : pause ?? PollSchedule.After(Now - _began));
        _isBeingRead = false;
        _isFailing = _isLookedAt = true;
    }

    /// <summary>The first look may wait a moment if the run was queued only now; it never waits past the deadline.</summary>
    internal void Begin(TimeSpan? timeLeft)
    {
        TimeSpan pause = PollSchedule.After(TimeSpan.Zero);
        if (CreatedAt is not { } created || _session.ServiceNow - created > pause) return;
        Timer.DueAt = Now + (timeLeft < pause ? timeLeft.Value : pause);
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
            IsEndAnnounced = true;
            AskForRead();
            if (NeedsRead) Timer.Wake();
        }
        else if (status is "started" or "running" && _startedAt is null && Last is not null && !_isBeingRead)
        {
            _startedAt = _session.ServiceNow;
            Reschedule();
            // Who watches wants to see it run.
            if (Target.WantsProgress && Timer.DueAt > Now + SoonShown) Timer.DueAt = Now + SoonShown;
            Timer.Wake();
        }
    }

    /// <summary>What was announced is no longer: looks again as if it never had been.</summary>
    internal void Disconnect()
    {
        if (Last is null || _isBeingRead || _isFailing) return;
        Reschedule();
        Timer.Wake();
    }

    /// <summary>Decides when to look again, by what is known now.</summary>
    internal void Reschedule()
    {
        ComfyRun run = (_listed ?? Last)!;
        bool rings = _poll is { Rings: true };
        bool isShared = _poll is { IsShared: true } && !IsUnlisted;
        TimeSpan usual = PollSchedule.After(Now - _began, isShared && IsRunning, rings, IsFarFromEnd(run));
        TimeSpan pause = usual;
        if (_session.Poller.Times.For(Last!) is { } expected)
        {
            DateTime now = _session.ServiceNow;
            TimeSpan age = now - CreatedAt is { } known && known > Now - _began ? known : Now - _began;
            pause = PollSchedule.After(expected, age, now - (run.StartedAt?.ToUniversalTime() ?? _startedAt), usual, rings);
        }
        Timer.DueAt = Now + pause;
        // Together with others, so that one request looks at all of them.
        if (isShared) Timer.DueAt = Timer.DueAt.AddTicks(usual.Ticks - 1 - ((Timer.DueAt.Ticks - 1) % usual.Ticks));
    }

    private static bool IsFarFromEnd(ComfyRun run) =>
        run is { Status: RunStatus.NotStarted or RunStatus.Queued } or { StartedAt: not null, PercentComplete: < 50 };

    private void Report(ComfyRun run)
    {
        if (run.Status != Last?.Status) Log.Verbose($"Run {Target.Name}: {SafeText.Clean(run.Status)}.");
    }
}
