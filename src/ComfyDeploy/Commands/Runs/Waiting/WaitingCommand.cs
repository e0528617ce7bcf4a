using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>A cmdlet that can wait for runs. <see cref="RunWait"/> waits; this writes what comes out of it.</summary>
public abstract class WaitingCommand : ConnectedCommand
{
    private RunWait? _wait;
    private WaitProgress? _progress;

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

    private protected RunWait Runs => _wait ??= new(WaitOptions, Log, Stop);

    private protected override void OnTick() => _progress?.Update();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _wait?.Dispose();
        base.Dispose(disposing);
    }

    internal void AddToWait(WaitTarget target)
    {
        _progress ??= new(this, Runs);
        Runs.Add(target);
    }

    /// <summary>Passes on what has no run to wait for.</summary>
    internal void AddFinished(ComfyRun run)
    {
        Runs.AddFinished(run);
        WriteReady();
    }

    /// <summary>Keeps an error until all work is done: under a preference of Stop the first one ends the pipeline.</summary>
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
        try
        {
            while (!Runs.HasEnough && TakeNext()) _progress?.Update();
            WriteObject(Runs.End(), enumerateCollection: true);
        }
        finally
        {
            _progress?.Complete();
        }
        ReportDeferred();
        foreach ((ComfyDeployException error, object target) in WaitReport.Errors(Runs)) WriteError(ErrorRecords.Create(error, target));
        if (throwOnFailure && WaitReport.Failure(Runs) is { } failure) ThrowTerminating(failure.Error, failure.Target);
    }

    /// <summary>
    /// Writes the runs that are not decided yet, as they are: before an error ends everything, so that no paid run is lost.
    /// </summary>
    internal void WritePending()
    {
        if (_wait is null) return;
        WriteObject(_wait.TakePending(), enumerateCollection: true);
        _progress?.Complete();
    }

    private bool TakeNext()
    {
        bool taken = Await(_ => Runs.NextAsync());
        WriteReady();
        return taken;
    }

    private void WriteReady()
    {
        foreach (ComfyRun run in Runs.TakeReady())
        {
            if (run.IsFinished) _progress?.Ended(run);
            WriteObject(run);
        }
    }
}
