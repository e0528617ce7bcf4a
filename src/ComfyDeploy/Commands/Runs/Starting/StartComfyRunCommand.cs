using System.Management.Automation;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Start, "ComfyRun", SupportsShouldProcess = true, DefaultParameterSetName = DeploymentSet),
    OutputType(typeof(ComfyRun))]
public sealed class StartComfyRunCommand : StartingCommand
{
    private const string DeploymentSet = "Deployment";
    private const string RowSet = "Row";
    private const string ColumnSet = "Column";
    private const string VersionSet = "Version";
    private const string GraphSet = "WorkflowApi";

    private RowStarter _rows = null!;

    [Parameter(ParameterSetName = DeploymentSet, Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Parameter(ParameterSetName = RowSet, Mandatory = true, Position = 0), ValidateNotNull, Reference(ReferenceKind.Deployment)]
    [ArgumentCompleter(typeof(DeploymentCompleter))]
    public ComfyReference Deployment { get; set; } = null!;

    [Parameter(ParameterSetName = VersionSet, Mandatory = true), ValidateNotNull, Reference(ReferenceKind.WorkflowVersion)]
    public ComfyReference? WorkflowVersion { get; set; }

    [Parameter(ParameterSetName = GraphSet, Mandatory = true), ValidateNotNullOrEmpty]
    public string? WorkflowApi { get; set; }

    [Parameter(ParameterSetName = GraphSet, Mandatory = true), ValidateNotNull, Reference(ReferenceKind.Workflow)]
    [ArgumentCompleter(typeof(WorkflowCompleter))]
    public ComfyReference? Workflow { get; set; }

    [Parameter(ParameterSetName = VersionSet, Mandatory = true), Parameter(ParameterSetName = GraphSet, Mandatory = true)]
    [ValidateNotNull, Reference(ReferenceKind.Machine), ArgumentCompleter(typeof(MachineCompleter))]
    public ComfyReference? Machine { get; set; }

    [Parameter(Position = 1), Alias("Input"), ValidateNotNull]
    public PSObject? Inputs { get; set; }

    [Parameter(ParameterSetName = ColumnSet, Mandatory = true), ValidateNotNullOrEmpty]
    public string? DeploymentColumn { get; set; }

    [Parameter(ParameterSetName = RowSet, Mandatory = true, ValueFromPipeline = true)]
    [Parameter(ParameterSetName = ColumnSet, Mandatory = true, ValueFromPipeline = true), ValidateNotNull]
    [Parameter(ParameterSetName = VersionSet, ValueFromPipeline = true), Parameter(ParameterSetName = GraphSet, ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter, ValidateNotNullOrEmpty]
    public string? InputPath { get; set; }

    [Parameter(ParameterSetName = RowSet), Parameter(ParameterSetName = VersionSet), Parameter(ParameterSetName = GraphSet)]
    [ValidateNotNullOrEmpty, ArgumentCompleter(typeof(InputNameCompleter))]
    public string? InputName { get; set; }

    [Parameter(ParameterSetName = RowSet), Parameter(ParameterSetName = ColumnSet), Parameter(ParameterSetName = VersionSet)]
    [Parameter(ParameterSetName = GraphSet), ValidateNotNullOrEmpty, ArgumentCompleter(typeof(InputNameCompleter))]
    public string? LabelColumn { get; set; }

    [Parameter(ParameterSetName = DeploymentSet), Parameter(ParameterSetName = RowSet), Parameter(ParameterSetName = ColumnSet)]
    [ValidateNotNullOrEmpty, ArgumentCompleter(typeof(EnvironmentCompleter))]
    public string? Environment { get; set; }

    [Parameter, ValidateNotNull]
    public Uri? Webhook { get; set; }

    [Parameter]
    public SwitchParameter WebhookIntermediateStatus { get; set; }

    [Parameter, ValidateRange(1, 10_000)]
    public int Repeat { get; set; } = 1;

    internal override string TargetText => Deployment?.Text ?? WorkflowVersion?.Text ?? WorkflowApi ?? string.Empty;

    private protected override RunStarter NewStarter()
    {
        if (Webhook is { } hook && !(hook.IsAbsoluteUri && hook.Scheme is "https" or "http"))
        {
            ThrowTerminating(new(ErrorIds.InvalidInput, $"-Webhook '{hook}' is not an absolute http or https URL."), hook);
        }
        if (Environment is not null && KnownWords.Environments.Fault(nameof(Environment), [Environment]) is { } fault)
        {
            ThrowTerminating(fault, Environment);
        }
        RunStarter starter = new(this, isOneTarget: ParameterSetName is RowSet or VersionSet or GraphSet);
        try
        {
            PSObject? file = InputPath is null ? null : InputSet.ReadFile(FileSystemPath(InputPath, nameof(InputPath)));
            _rows = new(this, starter, new(file, Inputs, InputName, LabelColumn, DeploymentColumn));
        }
        catch (ComfyDeployException e)
        {
            ThrowTerminating(e, InputPath);
        }
        return starter;
    }

    private protected override void Receive()
    {
        if (InputObject is { } row) _rows.StartRow(row);
        else _rows.StartOne();
        WriteFinished();
    }
}
