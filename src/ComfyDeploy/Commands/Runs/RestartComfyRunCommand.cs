using System.Management.Automation;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Restart, "ComfyRun", SupportsShouldProcess = true), OutputType(typeof(ComfyRun))]
public sealed class RestartComfyRunCommand : StartingCommand
{
    private RunRestarter _restarter = null!;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true), ValidateNotNull, Reference(ReferenceKind.Run)]
    [ArgumentCompleter(typeof(RunIdCompleter))]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter, ValidateNotNull]
    public PSObject? InputOverride { get; set; }

    [Parameter, ValidateNotNull, Reference(ReferenceKind.Deployment), ArgumentCompleter(typeof(DeploymentCompleter))]
    public ComfyReference? Deployment { get; set; }

    internal override string TargetText => Deployment?.Text ?? string.Empty;

    internal override void ReportRefused(StartedRow row) => _restarter.Report(row);

    private protected override RunStarter NewStarter()
    {
        RunStarter starter = new(this, isOneTarget: Deployment is not null);
        try
        {
            _restarter = new(this, starter);
        }
        catch (ComfyDeployException e)
        {
            ThrowTerminating(e, InputOverride);
        }
        return starter;
    }

    private protected override void Receive()
    {
        _restarter.Add(RunId);
        WriteFinished();
    }

    private protected override void FinishRows()
    {
        _restarter.Drain();
        base.FinishRows();
        _restarter.ReportRefused();
    }
}
