using System.Management.Automation;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommon.Get, "ComfyRun", DefaultParameterSetName = ListSet), OutputType(typeof(ComfyRun))]
public sealed class GetComfyRunCommand : ConnectedCommand
{
    private const string ListSet = "List";
    private const string IdSet = "Id";
    private const string OfSet = "Of";
    private const string ManifestSet = "Manifest";

    private RunLister _lister = null!;
    private RunBatch<RunReadResult> _runs = null!;

    [Parameter(ParameterSetName = IdSet, Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [Reference(ReferenceKind.Run, PassesSources = true)]
    [ArgumentCompleter(typeof(RunIdCompleter))]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter(ParameterSetName = ListSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [Reference(ReferenceKind.Workflow)]
    [ArgumentCompleter(typeof(WorkflowCompleter))]
    public ComfyReference[]? Workflow { get; set; }

    [Parameter(ParameterSetName = ListSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [Reference(ReferenceKind.Deployment)]
    [ArgumentCompleter(typeof(DeploymentCompleter))]
    public ComfyReference[]? Deployment { get; set; }

    [Parameter(ParameterSetName = ListSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(EnvironmentCompleter))]
    public string? Environment { get; set; }

    [Parameter(ParameterSetName = OfSet, Mandatory = true, ValueFromPipeline = true)]
    [ValidateNotNull]
    public IComfyRunSource InputObject { get; set; } = null!;

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(StatusCompleter))]
    public string[]? Status { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    public SwitchParameter Active { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    public SwitchParameter Finished { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [PointInTime]
    [ArgumentCompleter(typeof(PointInTimeCompleter))]
    public DateTime? After { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [PointInTime]
    [ArgumentCompleter(typeof(PointInTimeCompleter))]
    public DateTime? Before { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(GpuCompleter))]
    public string[]? Gpu { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(OriginCompleter))]
    public string[]? Origin { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    public SwitchParameter ThisSession { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [ValidateRange(1, int.MaxValue)]
    public int First { get; set; } = int.MaxValue;

    [Parameter(ParameterSetName = ListSet)]
    public SwitchParameter Full { get; set; }

    [Parameter(ParameterSetName = ManifestSet, Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string Manifest { get; set; } = null!;

    [Parameter]
    public SwitchParameter SkipErrorDetail { get; set; }

    protected override void BeginProcessing()
    {
        if ((Active && Finished) || ((Active || Finished) && Status is not null))
        {
            ThrowTerminating(new(ErrorIds.ParametersConflict, "Use only one of -Active, -Finished and -Status."), null);
        }
        if (KnownWords.Environments.Fault(nameof(Environment), Environment is null ? null : [Environment]) is { } fault)
        {
            ThrowTerminating(fault, Environment);
        }
        string?[] doubts =
        [
            KnownWords.Statuses.Doubt(nameof(Status), Status?.Select(RunStatus.Normalize)),
            KnownWords.Gpus.Doubt(nameof(Gpu), Gpu),
            KnownWords.Origins.Doubt(nameof(Origin), Origin),
        ];
        string doubt = string.Join(" ", doubts.Where(text => text is not null));
        if (doubt.Length > 0) WriteWarning($"{doubt} No run may match.");
        _lister = new(this);
        bool isManifest = ParameterSetName == ManifestSet;
        _runs = new(
            this, run => isManifest && run.IsRecorded ? _ => Task.FromResult(run.Received) : run.ReadAsync, _lister.Write)
        {
            NotQueued = WriteObject,
        };
    }

    protected override void ProcessRecord()
    {
        try
        {
            switch (ParameterSetName)
            {
                case IdSet: _runs.Add(RunId); break;
                case OfSet: _lister.WriteRunsOf(InputObject); break;
                case ManifestSet: _runs.Add(ManifestRuns.Read(FileSystemPath(Manifest, nameof(Manifest)), DefaultConnection)); break;
                default: _lister.WriteRuns(); break;
            }
        }
        catch (ComfyDeployException e)
        {
            ReportOrEnd(e, InputObject);
        }
    }

    private protected override void OnTick() => _lister.ShowProgress();

    protected override void EndProcessing()
    {
        _runs.Drain();
        base.EndProcessing();
    }
}
