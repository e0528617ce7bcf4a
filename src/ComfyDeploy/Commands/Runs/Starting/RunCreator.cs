using System.Collections.Concurrent;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// Queues the runs of one call in the background, several at a time: each waits for a slot, uploads its files and is sent. Results come out
/// in the order of the rows.
/// </summary>
internal sealed class RunCreator : IDisposable
{
    private static readonly TimeSpan MaxDeadline = TimeSpan.FromDays(365);

    private readonly StartingCommand _cmdlet;
    private readonly FileInputs _files;
    private readonly RunRefusals _refusals;
    private readonly ConcurrentQueue<string> _queued = new();
    private readonly BatchSignal _batch = new();
    private readonly BatchManifest? _manifest;
    private RunSlots? _slots;
    private DateTime? _endsAt;
    private bool _hasAdopted;
    private bool _isDisposed;

    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="refusals">What is refused, and why.</param>
    /// <param name="manifest">Where the runs are recorded; null for nowhere.</param>
    internal RunCreator(StartingCommand cmdlet, RunRefusals refusals, BatchManifest? manifest)
    {
        (_cmdlet, _refusals, _manifest) = (cmdlet, refusals, manifest);
        _files = new(cmdlet.FileSystemPathOrNull, !cmdlet.SkipInputCheck, cmdlet.Timeout, cmdlet.Log);
        // Each row that is read ahead may hold an image.
        Work = new(maxAhead: cmdlet.MaxInFlight is { } slots ? slots + Throttle.DefaultLimit : 2 * Throttle.DefaultLimit);
    }

    /// <summary>The rows whose results are not taken yet.</summary>
    internal OrderedWork<StartedRow> Work { get; }

    internal FileInputs Files => _files;

    /// <summary>The IDs of the runs that were queued.</summary>
    internal IReadOnlyCollection<string> Queued => _queued;

    /// <summary>Whether there is a run that is paid for, of this call or an earlier one.</summary>
    internal bool HasRuns => _hasAdopted || !_queued.IsEmpty;

    /// <summary>How many runs are unfinished; null when that is not limited.</summary>
    internal int? InFlight => _slots?.Taken;

    public void Dispose()
    {
        if (_isDisposed) return;
        _slots?.Dispose();
        _isDisposed = true;
    }

    /// <summary>Called on the pipeline thread before a run of this template is added.</summary>
    internal void Begin(RunTemplate template)
    {
        ApiSession session = template.Client.Session;
        if (_cmdlet.HasDeadline)
        {
            template.Client.Deadline = _endsAt ??=
                session.Clock.Now + (_cmdlet.Timeout < MaxDeadline ? _cmdlet.Timeout : MaxDeadline);
        }
        _manifest?.Open(template.Client);
        if (_cmdlet.Wait) _cmdlet.BeginWait(session);
        if (_cmdlet.MaxInFlight is not { } slots || _slots is not null) return;
        _slots = NewSlots(slots, session.Clock);
        // The runs of an earlier call are unfinished too.
        foreach (ComfyRun run in _manifest?.InFlight ?? []) _slots.Occupy(TargetOf(run, template.Client));
    }

    /// <summary>Takes in a run of an earlier call: it is not queued again.</summary>
    internal void Adopt(ComfyRun run, ComfyDeployClient client)
    {
        run.Batch = _batch;
        _hasAdopted = true;
        if (run.IsFinished) return;
        client.Session.KnownRuns.Take(run.RunId!, RunOrigin.Of(run));
        if (_cmdlet.Wait) _cmdlet.AddToWait(TargetOf(run, client));
    }

    internal void Add(PreparedRun run) => Work.Add(cancellationToken => QueueAsync(run, cancellationToken), _cmdlet.Stop);

    /// <summary>After the deadline, waits until -StopOnTimeout has cancelled the runs in the slots.</summary>
    internal void EndLate()
    {
        if (_slots is null || _cmdlet.Wait || !_cmdlet.StopOnTimeout || _batch.Reason is null) return;
        _cmdlet.Await(_ => _slots.DrainAsync());
    }

    private async Task<StartedRow> QueueAsync(PreparedRun prepared, CancellationToken cancellationToken)
    {
        RunTemplate template = prepared.Template;
        bool hasSlot = false;
        try
        {
            if (_refusals.Of(template) is { } known) return prepared.Refuse(known);
            hasSlot = await EnterSlotAsync(template.Client.Session.Clock, cancellationToken).ConfigureAwait(false);
            InputSet inputs = await _files.UploadAsync(
                prepared.Inputs, prepared.Uploads, template.Client, _endsAt, Work.Closed, cancellationToken).ConfigureAwait(false);
            if (HasRuns && template.Client.Session.Clock.Now > _endsAt) _batch.End(Errors.QueuedTooLate(_cmdlet.Timeout));
            if (_batch.Reason is not null) _refusals.Add(_batch);
            if (_refusals.Of(template) is { } refusal) return prepared.Refuse(refusal);
            prepared = prepared with { Inputs = inputs };
            WaitTarget run = await CreateAsync(prepared, cancellationToken).ConfigureAwait(false);
            if (hasSlot) _slots!.LeaveAfter(run);
            hasSlot = false;
            if (_cmdlet.Wait) _cmdlet.AddToWait(run);
            _cmdlet.Log.Verbose($"Queued run {RunName.Of(run.Known!)} of {template.Subject.Name}.");
            return new(run.Known!, prepared.Row, null);
        }
        catch (ComfyDeployException e)
        {
            _refusals.Add(e, template);
            return prepared.Refuse(e);
        }
        finally
        {
            if (hasSlot) _slots!.Leave();
        }
    }

    private async Task<WaitTarget> CreateAsync(PreparedRun prepared, CancellationToken cancellationToken)
    {
        RunTemplate template = prepared.Template;
        ApiSession session = template.Client.Session;
        ComfyRun run = template.ToQueue(prepared.Inputs.ToJson(), prepared.Label, prepared.Entry);
        JournaledRow? journal = _manifest is null ? null
            : await _manifest.IntendAsync(run, prepared.Row, session, cancellationToken).ConfigureAwait(false);
        run.CreatedAt = session.Clock.Now.ToLocalTime();
        try
        {
            run.RunId = await template.Client.CreateRunAsync(template.ToRequest(run), cancellationToken).ConfigureAwait(false);
        }
        catch (ComfyDeployException e) when (e.ErrorId != ErrorIds.AmbiguousCreate)
        {
            journal?.Refused(e.Message);
            if (journal is not null) _manifest!.Release(run);
            throw;
        }
        journal?.Queued(run.RunId);
        if (journal is not null) _manifest!.Release(run);
        _queued.Enqueue(run.RunId);
        run.Batch = _batch;
        return TargetOf(run, template.Client);
    }

    private WaitTarget TargetOf(ComfyRun run, ComfyDeployClient client) =>
        new(run.RunId!, client, run, RunOrigin.Of(run)) { Journal = _manifest?.RowOf(run) };

    /// <returns>Whether there are slots.</returns>
    private async Task<bool> EnterSlotAsync(IClock clock, CancellationToken cancellationToken)
    {
        if (_slots is null) return false;
        using CancellationTokenSource ending =
            CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Work.Closed, _batch.Token);
        TimeSpan left = _endsAt!.Value - clock.Now;
        using ClockLimit limit = new(clock, left > TimeSpan.Zero ? left : TimeSpan.Zero, ending.Token);
        try
        {
            await _slots.EnterAsync(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && !Work.Closed.IsCancellationRequested)
        {
            _batch.End(Errors.QueuedTooLate(_cmdlet.Timeout));
            _refusals.Add(_batch);
            throw _batch.Reason!;
        }
    }

    private RunSlots NewSlots(int count, IClock clock)
    {
        // Who waits for a run reports its changes.
        QuietLog log = new(_cmdlet.Log);
        RunWaiter waiter = new(_cmdlet.Timeout, clock, log, _cmdlet.Stop)
        {
            // Those of -Wait are cancelled by the wait itself.
            CancelLate = _cmdlet.StopOnTimeout && !_cmdlet.Wait,
        };
        return new(count, waiter, log);
    }
}
