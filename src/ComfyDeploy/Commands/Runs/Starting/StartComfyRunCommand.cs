using System.Management.Automation;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Start, "ComfyRun", SupportsShouldProcess = true, DefaultParameterSetName = DeploymentSet),
    OutputType(typeof(ComfyRun))]
public sealed class StartComfyRunCommand : StartingCommand
{
    private const string DeploymentSet = "Deployment";
    private const string RowSet = "Row";
    private const string ColumnSet = "Column";

    private RowStarter _rows = null!;

    [Parameter(ParameterSetName = DeploymentSet, Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Parameter(ParameterSetName = RowSet, Mandatory = true, Position = 0), ValidateNotNull, Reference(ReferenceKind.Deployment)]
    [ArgumentCompleter(typeof(DeploymentCompleter))]
    public ComfyReference Deployment { get; set; } = null!;

    [Parameter(Position = 1), Alias("Input"), ValidateNotNull]
    public PSObject? Inputs { get; set; }

    [Parameter(ParameterSetName = ColumnSet, Mandatory = true), ValidateNotNullOrEmpty]
    public string? DeploymentColumn { get; set; }

    [Parameter(ParameterSetName = RowSet, Mandatory = true, ValueFromPipeline = true)]
    [Parameter(ParameterSetName = ColumnSet, Mandatory = true, ValueFromPipeline = true), ValidateNotNull]
    public PSObject InputObject { get; set; } = null!;

    [Parameter, ValidateNotNullOrEmpty]
    public string? InputPath { get; set; }

    [Parameter(ParameterSetName = RowSet), ValidateNotNullOrEmpty, ArgumentCompleter(typeof(InputNameCompleter))]
    public string? InputName { get; set; }

    [Parameter(ParameterSetName = RowSet), Parameter(ParameterSetName = ColumnSet), ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(InputNameCompleter))]
    public string? LabelColumn { get; set; }

    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(EnvironmentCompleter))]
    public string? Environment { get; set; }

    [Parameter, ValidateNotNull]
    public Uri? Webhook { get; set; }

    [Parameter]
    public SwitchParameter WebhookIntermediateStatus { get; set; }

    [Parameter, ValidateRange(1, 10_000)]
    public int Repeat { get; set; } = 1;

    internal override string TargetText => Deployment?.Text ?? string.Empty;

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
        RunStarter starter = new(this, isOneDeployment: ParameterSetName == RowSet);
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
        if (ParameterSetName == DeploymentSet) _rows.StartDeployment();
        else _rows.StartRow(InputObject);
        WriteFinished();
    }
}
