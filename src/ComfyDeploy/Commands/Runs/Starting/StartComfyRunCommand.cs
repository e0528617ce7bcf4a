using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Start, "ComfyRun", SupportsShouldProcess = true, DefaultParameterSetName = DeploymentSet),
    OutputType(typeof(ComfyRun))]
public sealed class StartComfyRunCommand : WaitingCommand
{
    private const string DeploymentSet = "Deployment";
    private const string RowSet = "Row";
    private const string ColumnSet = "Column";

    private RunStarter? _starter;

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

    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(GpuCompleter))]
    public string? Gpu { get; set; }

    [Parameter, ValidateNotNull]
    public Uri? Webhook { get; set; }

    [Parameter]
    public SwitchParameter WebhookIntermediateStatus { get; set; }

    [Parameter, ValidateRange(1, 10_000)]
    public int Repeat { get; set; } = 1;

    [Parameter, ValidateRange(1, int.MaxValue - Throttle.DefaultLimit)]
    public int? MaxInFlight { get; set; }

    [Parameter]
    public SwitchParameter SkipInputCheck { get; set; }

    [Parameter]
    public SwitchParameter Wait { get; set; }

    internal bool HasOneDeployment => ParameterSetName == RowSet;

    /// <summary>Whether -Timeout bounds this call: until then nothing more is queued.</summary>
    internal bool HasDeadline => Wait || MaxInFlight is not null;

    protected override void BeginProcessing()
    {
        if (!HasDeadline && (MyInvocation.BoundParameters.ContainsKey(nameof(Timeout)) || StopOnTimeout))
        {
            const string message =
                "-Timeout and -StopOnTimeout need -Wait or -MaxInFlight. To wait for the runs, pipe them to Wait-ComfyRun.";
            ThrowTerminating(new(ErrorIds.ParametersConflict, message), null);
        }
        if (Webhook is { } hook && !(hook.IsAbsoluteUri && hook.Scheme is "https" or "http"))
        {
            ThrowTerminating(new(ErrorIds.InvalidInput, $"-Webhook '{hook}' is not an absolute http or https URL."), hook);
        }
        if (Environment is not null && KnownWords.Environments.Fault(nameof(Environment), [Environment]) is { } fault)
        {
            ThrowTerminating(fault, Environment);
        }
        if (Gpu is not null)
        {
            if (KnownWords.Gpus.Doubt(nameof(Gpu), [Gpu]) is { } doubt) Log.Warning(doubt);
            Gpu = KnownWords.Gpus.Spell(Gpu);
        }
        try
        {
            PSObject? file = InputPath is null ? null : InputSet.ReadFile(FileSystemPath(InputPath, nameof(InputPath)));
            _starter = new(this, new(file, Inputs, InputName, LabelColumn, DeploymentColumn));
        }
        catch (ComfyDeployException e)
        {
            ThrowTerminating(e, InputPath);
        }
    }

    private protected override void Receive()
    {
        if (ParameterSetName == DeploymentSet) _starter!.StartDeployment();
        else _starter!.StartRow(InputObject);
        WriteFinished();
    }

    private protected override void Finish()
    {
        _starter!.Finish();
        FinishWait();
        _starter.ReportRefusal();
    }

    private protected override ProgressLine? Extra => _starter?.Uploads;

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

    protected override void Dispose(bool disposing)
    {
        // The end of a pipeline that another command ended: what was queued meanwhile is named below.
        if (disposing)
        {
            _starter?.Close(Stopping);
            _starter?.Dispose();
        }
        base.Dispose(disposing);
    }
}
