using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>A cmdlet that can wait for runs. <see cref="RunWait"/> waits; this writes what comes out of it.</summary>
public abstract class WaitingCommand : ConnectedCommand
{
    private RunWait? _wait;
    private readonly Queue<ComfyRun> _unwritten = new();
    private readonly Dictionary<ComfyRun, int> _rows = [];
    private readonly StopNotice _notice = new();
    private readonly WaitTally _tally = new();
    private readonly OpenManifests _manifests;
    private WaitProgress? _progress;
    private int _received;
    private bool _isEnded;

    private protected WaitingCommand() => _manifests = new(Log);

    /// <summary>Whether a run is being passed on; an exception meanwhile is that of another command.</summary>
    private protected bool IsWriting { get; private set; }

    /// <summary>How long the whole set may take.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Cancel what is not finished in time.</summary>
    [Parameter]
    public SwitchParameter StopOnTimeout { get; set; }

    /// <summary>What the parameters ask for; read once, when the first run comes in.</summary>
    private protected virtual RunWaitOptions WaitOptions =>
        new(Timeout, KeepOrder: false, ReadErrorDetail: true, RequiredCount: null, CancelLate: StopOnTimeout);

    private protected RunWait Runs => _wait ??= new(WaitOptions with { ShowsProgress = !Console.IsOutputRedirected }, Log, Stop);

    /// <summary>What is under way besides the wait; its line stands below the bar.</summary>
    private protected virtual ProgressLine? Extra => null;

    private protected override void OnTick() => _progress?.Update();

    /// <summary>Whatever ends the cmdlet, every run that it has received is written or named first.</summary>
    private protected override void OnEnding()
    {
        TakePending();
        // A command that ended the pipeline takes no more objects, and after an error the streams take nothing either.
        if (Stopping) Name(Host.UI.WriteWarningLine);
        else if (IsWriting) Name(WriteWarning);
        else
        {
            WriteUnwritten();
            _progress?.Complete();
        }
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => RunStep(Receive);

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => RunStep(Finish);

    /// <summary>Takes one object from the pipeline.</summary>
    private protected abstract void Receive();

    /// <summary>Called after the last object.</summary>
    private protected abstract void Finish();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // Runs are still pending when another command of the pipeline failed, so that this one never came to its end.
            TakePending();
            Name(Host.UI.WriteWarningLine);
            _wait?.Dispose();
            _manifests.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>Waits for a run that was piped in or named, or passes on a row that was not queued.</summary>
    private protected void Add(ComfyReference reference)
    {
        _received++;
        if (reference.Object<ComfyRun>()?.Batch is { } batch) Runs.Join(batch);
        if ((RunReference.NotQueued(reference) ?? RunReference.Recorded(reference)) is { } row)
        {
            _rows[row] = _received;
            AddFinished(row);
            return;
        }
        ComfyDeployClient client = RunClient(reference);
        try
        {
            BeginWait(client.Session);
            AddToWait(new(RunReference.ResolveId(reference, client.Session), client, reference.Object<ComfyRun>(),
                RunReference.Origin(reference)));
        }
        catch (ComfyDeployException e)
        {
            DeferRun(e, reference.Text);
        }
    }

    /// <summary>Called on the pipeline thread before the first run is added.</summary>
    // Where bars cannot be seen, lines are for those who ask with -InformationAction: standard output belongs to the objects.
    internal void BeginWait(ApiSession session) =>
        _progress ??= new(Runs, session.Clock, NewBar(session.Clock), Console.IsOutputRedirected ? Log.Information : null)
        {
            Began = session.ServiceNow,
            ShowsTimeLeft = MyInvocation.BoundParameters.ContainsKey(nameof(Timeout)),
            Extra = () => Extra,
        };

    /// <summary>Waits for a run; called on any thread.</summary>
    internal void AddToWait(WaitTarget target)
    {
        _notice.Add(target.Client.Session);
        Runs.Add(target with { Journal = _manifests.Find(target.Origin?.Entry, target.Client.Session) });
    }

    /// <summary>Passes on what has no run to wait for.</summary>
    internal void AddFinished(ComfyRun run)
    {
        Runs.AddFinished(run);
        WriteReady();
    }

    /// <summary>Keeps an error until all work is done: with an ErrorAction of Stop, the first one ends the pipeline.</summary>
    internal void DeferRun(ComfyDeployException error, object? target)
    {
        Runs.AddRefused();
        Defer(error, target);
    }

    /// <summary>Writes what has finished by now, without waiting.</summary>
    internal void WriteFinished()
    {
        WriteQueued();
        if (Runs.HasNext) TakeNext();
        _progress?.Update();
    }

    /// <summary>Waits for the rest, then reports what did not go well: one error of each kind, last.</summary>
    /// <param name="throwOnFailure">End with an error when a run did not succeed.</param>
    private protected void FinishWait(bool throwOnFailure = false)
    {
        while (!Runs.HasEnough && TakeNext()) _progress?.Update();
        foreach (ComfyRun run in Runs.End()) _unwritten.Enqueue(run);
        WriteUnwritten();
        _progress?.Complete();
        _isEnded = true;
        WriteQueued();
        WriteTally();
        ReportDeferred();
        foreach ((ComfyDeployException error, object target) in WaitReport.Errors(Runs)) WriteError(ErrorRecords.Create(error, target));
        if (throwOnFailure && WaitReport.Failure(Runs, _rows) is { } failure) ThrowTerminating(failure.Error, failure.Target);
    }

    /// <summary>One line for a batch, unless it would end the pipeline before the errors.</summary>
    private void WriteTally()
    {
        int notRead = Runs.Lost.Count(lost => lost.Run is null);
        if (_progress is null || _tally.Count + notRead < 2 || Preferences.EndPipeline("Information")) return;
        WriteInformation(_tally.Describe(notRead, _progress.Elapsed), ["ComfyRun"]);
    }

    private void RunStep(Action step)
    {
        bool isDone = false;
        try
        {
            step();
            isDone = true;
        }
        finally
        {
            if (!isDone) OnEnding();
        }
    }

    private bool TakeNext()
    {
        bool taken = false;
        try
        {
            taken = Await(Runs.NextAsync, canEndEarly: true);
        }
        catch (OperationCanceledException)
        {
            // A message is about to end the pipeline; writing it below writes the pending runs first.
        }
        WriteReady();
        WriteQueued();
        return taken;
    }

    /// <summary>Writes a run that is not waited for.</summary>
    internal void Write(ComfyRun run)
    {
        _unwritten.Enqueue(run);
        WriteUnwritten();
    }

    /// <summary>Keeps a run that is written, or named, when this cmdlet ends.</summary>
    internal void Keep(ComfyRun run) => _unwritten.Enqueue(run);

    private void WriteReady()
    {
        foreach (ComfyRun run in Runs.TakeReady()) _unwritten.Enqueue(run);
        WriteUnwritten();
    }

    private void WriteUnwritten()
    {
        while (_unwritten.Count > 0)
        {
            ComfyRun run = _unwritten.Peek();
            if (run.IsFinished) _progress?.Ended(run);
            // A command behind may end the pipeline at a message: the run is still to be written, or named.
            Log.WriteHarmless();
            _unwritten.Dequeue();
            _tally.Add(run);
            IsWriting = true;
            WriteObject(run);
            IsWriting = false;
        }
    }

    private void TakePending()
    {
        if (_isEnded || _wait is null) return;
        // After Ctrl+C, the notice says it all. The pipeline stops a moment before StopProcessing is called.
        bool isStopped = Stopping || Stop.IsCancellationRequested;
        if ((isStopped && _notice.Write(Host, _wait.Undecided)) || Stop.IsCancellationRequested) return;
        _isEnded = true;
        foreach (ComfyRun run in _wait.TakePending()) _unwritten.Enqueue(run);
    }

    /// <summary>Names the runs that no object can be written for.</summary>
    private void Name(Action<string> write)
    {
        string[] runs = [.. _unwritten.Select(run => run.RunId ?? (run.IsUnconfirmed ? run.Error : null)).OfType<string>()];
        _unwritten.Clear();
        if (runs.Length > 0) write($"Not in the output; may still be running and billed: {string.Join(", ", runs)}.");
    }
}
