using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Stop, "ComfyRun", SupportsShouldProcess = true), OutputType(typeof(ComfyStopResult))]
public sealed class StopComfyRunCommand : ConnectedCommand
{
    private static readonly TimeSpan DisposeTimeout = TimeSpan.FromSeconds(30);

    private RunBatch<StopOutcome>? _runs;
    private DateTime? _endsAt;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true), ValidateNotNull, Reference(ReferenceKind.Run)]
    [ArgumentCompleter(typeof(RunIdCompleter))]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter]
    public SwitchParameter Wait { get; set; }

    [Parameter, Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(2);

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void BeginProcessing()
    {
        if (!Wait && MyInvocation.BoundParameters.ContainsKey(nameof(Timeout)))
        {
            ThrowTerminating(new(ErrorIds.ParametersConflict, "-Timeout requires -Wait."), null);
        }
        _runs = new(this, Begin, Write);
    }

    protected override void ProcessRecord() => _runs!.Add(RunId);

    protected override void EndProcessing()
    {
        _runs!.Drain();
        base.EndProcessing();
    }

    /// <summary>When another cmdlet of the pipeline fails, the runs received are still stopped; Ctrl+C ends that.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !Stopping && _runs is not null) WaitFor(_runs.Rest, DisposeTimeout);
        base.Dispose(disposing);
    }

    private Func<CancellationToken, Task<StopOutcome>>? Begin(RequestedRun run)
    {
        string target = run.Origin?.DeploymentName is { } name ? $"run {run.RunId} ({name})" : $"run {run.RunId}";
        if (!ShouldProcess(target, "Cancel")) return null;
        _endsAt ??= run.Client.Session.Clock.Now + Timeout;
        RunStop stop = new(run.Client, run.RunId, run.Origin, Log, Wait ? _endsAt : null);
        return stop.RunAsync;
    }

    private void Write(IReadOnlyList<StopOutcome> outcomes)
    {
        foreach (StopOutcome outcome in outcomes)
        {
            if (PassThru) WriteObject(outcome.Result);
            if (outcome.Error is not null) Defer(outcome.Error, outcome.Result.RunId);
        }
    }
}
