using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// A cmdlet that queues runs, and can limit how many are in flight and wait for them. <see cref="RunStarter"/> starts them.
/// </summary>
public abstract class StartingCommand : WaitingCommand
{
    private RunStarter? _starter;

    /// <summary>The GPU to run on, where the deployment does not fix one.</summary>
    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(GpuCompleter))]
    public string? Gpu { get; set; }

    /// <summary>How many of the runs may be unfinished at the same time.</summary>
    [Parameter, ValidateRange(1, int.MaxValue - Throttle.DefaultLimit)]
    public int? MaxInFlight { get; set; }

    /// <summary>The file in which the batch is recorded, so that another call goes on where this one stopped.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? Manifest { get; set; }

    /// <summary>Send the inputs as they are.</summary>
    [Parameter]
    public SwitchParameter SkipInputCheck { get; set; }

    /// <summary>Wait for the runs.</summary>
    [Parameter]
    public SwitchParameter Wait { get; set; }

    /// <summary>Whether -Timeout bounds this call: after it nothing more is queued.</summary>
    internal bool HasDeadline => Wait || MaxInFlight is not null;

    /// <summary>What an error is about that concerns more than one run.</summary>
    internal abstract string TargetText { get; }

    /// <summary>The full path of the manifest; null without one.</summary>
    internal string? ManifestPath { get; private set; }

    private protected RunStarter Starter => _starter!;

    private protected override ProgressLine? Extra => _starter?.Uploads;

    /// <inheritdoc/>
    protected sealed override void BeginProcessing()
    {
        if (!HasDeadline && (MyInvocation.BoundParameters.ContainsKey(nameof(Timeout)) || StopOnTimeout))
        {
            const string message =
                "-Timeout and -StopOnTimeout need -Wait or -MaxInFlight. To wait for the runs, pipe them to Wait-ComfyRun.";
            ThrowTerminating(new(ErrorIds.ParametersConflict, message), null);
        }
        if (Gpu is not null)
        {
            if (KnownWords.Gpus.Doubt(nameof(Gpu), [Gpu]) is { } doubt) Log.Warning(doubt);
            Gpu = KnownWords.Gpus.Spell(Gpu);
        }
        if (Manifest is not null) ManifestPath = FileSystemPath(Manifest, nameof(Manifest));
        _starter = NewStarter();
    }

    /// <summary>Reports a row that was not queued.</summary>
    internal virtual void ReportRefused(StartedRow row) => Log.Warning(row.Refusal);

    /// <summary>Finds a deployment, and warns when it ignores -Gpu.</summary>
    /// <exception cref="ComfyDeployException">The deployment cannot be found, or is ambiguous.</exception>
    internal ComfyDeployment FindDeployment(ComfyDeployClient client, ComfyReference reference, string? environment)
    {
        ComfyDeployment deployment = Await(cancellationToken =>
            DeploymentLookup.FindOneAsync(client, reference, environment, cancellationToken));
        if (Gpu is not null && deployment.Gpu is { } pinned && !string.Equals(pinned, Gpu, StringComparison.OrdinalIgnoreCase))
        {
            Log.Warning($"{deployment.DeploymentName} is fixed to {pinned}; the service ignores -Gpu {Gpu}.");
        }
        return deployment;
    }

    /// <summary>Checks the parameters.</summary>
    private protected abstract RunStarter NewStarter();

    private protected override void Finish()
    {
        FinishRows();
        FinishWait();
        Starter.ReportRefusal();
    }

    /// <summary>Called after the last object, before the wait for the runs that were queued.</summary>
    private protected virtual void FinishRows() => Starter.Finish();

    private protected override void OnTick()
    {
        base.OnTick();
        _starter?.ShowProgress();
    }

    private protected override void OnEnding()
    {
        _starter?.Close(Stopping);
        base.OnEnding();
        if (!Wait && !Stopping && !IsWriting) _starter?.NameQueued();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // The end of a pipeline that another command ended: what was queued meanwhile is named below.
            _starter?.Close(Stopping);
            _starter?.Dispose();
        }
        base.Dispose(disposing);
    }
}
