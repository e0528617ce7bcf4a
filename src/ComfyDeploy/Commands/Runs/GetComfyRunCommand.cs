using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommon.Get, "ComfyRun", DefaultParameterSetName = ListSet), OutputType(typeof(ComfyRun))]
public sealed class GetComfyRunCommand : ConnectedCommand
{
    private const string ListSet = "List";
    private const string IdSet = "Id";
    private const string OfSet = "Of";
    private const int LargestPage = 100;
    private static readonly TimeSpan AccountHorizon = TimeSpan.FromHours(24);
    private static readonly TimeSpan ActiveHorizon = TimeSpan.FromHours(48);

    private readonly OrderedWork<RunReadResult> _reads = new();
    private readonly HashSet<(ApiSession Account, string RunId)> _asked = [];
    private readonly Dictionary<ApiSession, FailureReasons> _reasons = [];

    [Parameter(ParameterSetName = IdSet, Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [Reference(ReferenceKind.Run, PassesSources = true)]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter(ParameterSetName = ListSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [Reference(ReferenceKind.Workflow)]
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
    public DateTime? After { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [PointInTime]
    public DateTime? Before { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(GpuCompleter))]
    public string[]? Gpu { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [ValidateNotNullOrEmpty]
    public string[]? Origin { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    public SwitchParameter ThisSession { get; set; }

    [Parameter(ParameterSetName = ListSet), Parameter(ParameterSetName = OfSet)]
    [ValidateRange(1, int.MaxValue)]
    public int First { get; set; } = int.MaxValue;

    [Parameter(ParameterSetName = ListSet)]
    public SwitchParameter Full { get; set; }

    [Parameter]
    public SwitchParameter SkipErrorDetail { get; set; }

    protected override void BeginProcessing()
    {
        if ((Active && Finished) || ((Active || Finished) && Status is not null))
        {
            ThrowTerminating(new(ErrorIds.ParametersConflict, "-Active, -Finished and -Status each say which states are wanted: give one of them."), null);
        }
    }

    protected override void ProcessRecord()
    {
        try
        {
            switch (ParameterSetName)
            {
                case IdSet: ReadById(); break;
                case OfSet: WriteList(ClientOf(InputObject.Connection), [new(InputObject.WorkflowId ?? string.Empty, InputObject.ToString(), InputObject.DeploymentId)]); break;
                default: WriteList(Client, Sources()); break;
            }
        }
        catch (ComfyDeployException e)
        {
            ReportOrEnd(e, InputObject);
        }
    }

    protected override void EndProcessing()
    {
        while (!_reads.IsEmpty) WriteReads();
        ReportDeferred();
    }

    private void ReadById()
    {
        foreach (ComfyReference reference in RunId)
        {
            if (RunReference.NotQueued(reference) is { } row)
            {
                while (!_reads.IsEmpty) WriteReads();
                WriteObject(row);
                continue;
            }
            ComfyDeployClient client = RunClient(reference);
            try
            {
                string id = RunReference.ResolveId(reference, client.Session);
                if (_asked.Add((client.Session, id))) Read(_reads, id, RunReference.Origin(reference), client);
            }
            catch (ComfyDeployException e)
            {
                Defer(e, reference.Text);
            }
            while (_reads.HasNext || _reads.IsFull) WriteReads();
        }
    }

    private void WriteReads()
    {
        IReadOnlyList<RunReadResult> batch = Await(_ => _reads.TakeAsync());
        FillReasons(batch);
        foreach (RunReadResult read in batch)
        {
            if (read.Run is not null) WriteObject(read.Run);
            else Defer(read.Error!, read.RunId);
        }
    }

    private void Read(OrderedWork<RunReadResult> reads, string id, RunOrigin? origin, ComfyDeployClient client) =>
        reads.Add(stop => RunReadResult.ReadAsync(id, origin, client, stop), Stop);

    private void FillReasons(IReadOnlyList<RunReadResult> batch)
    {
        if (SkipErrorDetail) return;
        foreach (IGrouping<ApiSession, RunReadResult> account in batch.Where(read => read.Run is not null).GroupBy(read => read.Client.Session))
        {
            if (!_reasons.TryGetValue(account.Key, out FailureReasons? reasons)) _reasons.Add(account.Key, reasons = new(account.First().Client, Log));
            Await(stop => reasons.FillAsync(account.Select(read => read.Run!), stop));
        }
    }

    private IReadOnlyList<RunSource> Sources()
    {
        List<RunSource> sources = [];
        foreach (ComfyReference deployment in Deployment ?? []) AddSources(deployment, stop => RunSources.OfDeploymentsAsync(Client, deployment, Environment, stop));
        foreach (ComfyReference workflow in Workflow ?? []) AddSources(workflow, stop => RunSources.OfWorkflowsAsync(Client, workflow, stop));
        if (Deployment is null && Workflow is null) sources.AddRange(Await(stop => RunSources.OfAccountAsync(Client, stop)));
        IReadOnlyList<RunSource> distinct = [.. sources.Distinct()];
        return Environment is null || Deployment is not null ? distinct : Await(stop => RunSources.InEnvironmentAsync(Client, distinct, Environment, stop));

        void AddSources(ComfyReference reference, Func<CancellationToken, Task<IReadOnlyList<RunSource>>> find)
        {
            try
            {
                sources.AddRange(Await(find));
            }
            catch (ComfyDeployException e)
            {
                ReportOrEnd(e, reference.Text);
            }
        }
    }

    private void WriteList(ComfyDeployClient client, IReadOnlyList<RunSource> sources)
    {
        RunFilter filter = CreateFilter(sources);
        int written = 0;
        List<ComfyRun> chunk = [];
        foreach (ComfyRun run in ThisSession ? StartedHere(client) : Listed(client, sources, filter))
        {
            if (!filter.Matches(run)) continue;
            written++;
            if (Full)
            {
                chunk.Add(run);
                if (chunk.Count == 8) WriteFull(client, chunk);
            }
            else
            {
                WriteObject(run);
            }
            if (written >= First) break;
        }
        WriteFull(client, chunk);
    }

    private RunFilter CreateFilter(IReadOnlyList<RunSource> sources)
    {
        bool wholeAccount = ParameterSetName == ListSet && Deployment is null && Workflow is null && !ThisSession;
        TimeSpan? horizon = Active ? ActiveHorizon : wholeAccount ? AccountHorizon : null;
        bool named = ParameterSetName == OfSet || Deployment is not null || Workflow is not null || Environment is not null;
        return new(Status)
        {
            Finished = Active ? false : Finished ? true : null,
            After = After ?? (horizon is null ? null : DateTime.Now - horizon),
            Before = Before,
            Gpu = Gpu,
            Origin = Origin,
            WorkflowIds = named ? [.. sources.Select(source => source.WorkflowId)] : null,
            DeploymentIds = named && sources.All(source => source.DeploymentId is not null) ? [.. sources.Select(source => source.DeploymentId!)] : null,
        };
    }

    private IEnumerable<ComfyRun> Listed(ComfyDeployClient client, IReadOnlyList<RunSource> sources, RunFilter filter)
    {
        int pageSize = Math.Min(First, LargestPage);
        RunMerge merge = new(sources.Select(source =>
            new RunCursor(client, new(source.WorkflowId, source.DeploymentId, filter.ServerStatus, filter.After, pageSize), source.WorkflowName, LargestPage)));
        while (true)
        {
            if (merge.NeedsPages) Await(merge.ReadPagesAsync);
            if (merge.Take() is not { } run) yield break;
            yield return run;
        }
    }

    /// <summary>The runs this process queued, newest first.</summary>
    private IEnumerable<ComfyRun> StartedHere(ComfyDeployClient client)
    {
        OrderedWork<RunReadResult> reads = new();
        foreach (string id in client.Session.KnownRuns.Started.Reverse())
        {
            Read(reads, id, null, client);
            while (reads.IsFull)
            {
                foreach (RunReadResult read in Take()) yield return read.Run!;
            }
        }
        while (!reads.IsEmpty)
        {
            foreach (RunReadResult read in Take()) yield return read.Run!;
        }

        IEnumerable<RunReadResult> Take()
        {
            IReadOnlyList<RunReadResult> batch = Await(_ => reads.TakeAsync());
            FillReasons(batch);
            foreach (RunReadResult read in batch.Where(read => read.Error is not null)) ReportOrEnd(read.Error!, read.RunId);
            return batch.Where(read => read.Run is not null);
        }
    }

    /// <summary>Lists carry no inputs, outputs or progress: each run is read once more.</summary>
    private void WriteFull(ComfyDeployClient client, List<ComfyRun> chunk)
    {
        foreach (ComfyRun run in chunk) Read(_reads, run.RunId!, RunOrigin.Of(run), client);
        chunk.Clear();
        while (!_reads.IsEmpty) WriteReads();
    }
}
