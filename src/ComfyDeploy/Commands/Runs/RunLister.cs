using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// Lists the runs that the parameters of Get-ComfyRun describe, newest first, and writes runs with their failure reasons.
/// </summary>
internal sealed class RunLister(GetComfyRunCommand cmdlet)
{
    // The first run comes out after one small page; whoever reads on gets larger ones.
    private const int FirstPage = 100;
    private const int LargestPage = 1000;
    private static readonly TimeSpan AccountHorizon = TimeSpan.FromHours(24);
    private static readonly TimeSpan ActiveHorizon = TimeSpan.FromHours(48);

    private readonly Dictionary<ApiSession, FailureReasons> _reasons = [];
    private ProgressBar? _bar;
    private int _read;

    /// <summary>Shows how many runs -Full has read; how many are left, only the end of the list tells.</summary>
    internal void ShowProgress()
    {
        if (_bar?.TakeTurn() == true) _bar.Show("Reading runs", percent: null, [($"{_read} read", 0)]);
    }

    /// <summary>Writes the runs of the named workflows and deployments, or of the whole account.</summary>
    internal void WriteRuns() => WriteRuns(FindSources(), isNamed: cmdlet.Deployment is not null || cmdlet.Workflow is not null);

    /// <summary>Writes the runs of one workflow or deployment.</summary>
    internal void WriteRunsOf(IComfyRunSource source)
    {
        RunSource only = new(cmdlet.ClientOf(source.Connection), source.WorkflowId ?? string.Empty, source.ToString(), source.DeploymentId);
        WriteRuns([only], isNamed: true);
    }

    /// <summary>Writes runs that were read by ID; errors wait until the end.</summary>
    internal void Write(IReadOnlyList<RunReadResult> reads)
    {
        FillReasons(reads);
        foreach (RunReadResult read in reads)
        {
            if (read.Run is not null) cmdlet.WriteObject(read.Run);
            else cmdlet.Defer(read.Error!, read.RunId);
        }
    }

    private void FillReasons(IReadOnlyList<RunReadResult> reads)
    {
        if (cmdlet.SkipErrorDetail) return;
        foreach (IGrouping<ApiSession, RunReadResult> account in reads
            .Where(read => read.Run is not null && FailureReasons.IsMissing(read.Run)).GroupBy(read => read.Client.Session))
        {
            if (!_reasons.TryGetValue(account.Key, out FailureReasons? reasons))
            {
                _reasons.Add(account.Key, reasons = new(account.First().Client, cmdlet.Log));
            }
            cmdlet.Await(cancellationToken => reasons.FillAsync(account.Select(read => read.Run!), cancellationToken));
        }
    }

    private IReadOnlyList<RunSource> FindSources()
    {
        string? environment = cmdlet.Environment;
        List<RunSource> sources = [];
        foreach (ComfyReference deployment in cmdlet.Deployment ?? [])
        {
            AddSources(deployment, (client, token) => RunSources.OfDeploymentsAsync(client, deployment, environment, token));
        }
        foreach (ComfyReference workflow in cmdlet.Workflow ?? [])
        {
            AddSources(workflow, (client, token) => RunSources.OfWorkflowsAsync(client, workflow, token));
        }
        if (cmdlet.Deployment is null && cmdlet.Workflow is null)
        {
            ComfyDeployClient client = cmdlet.Client;
            sources.AddRange(cmdlet.Await(token => RunSources.OfAccountAsync(client, token)));
        }
        RunSource[] distinct = [.. sources.Distinct()];
        return environment is null || cmdlet.Deployment is not null
            ? distinct
            : cmdlet.Await(token => RunSources.InEnvironmentAsync(distinct, environment, token));

        void AddSources(ComfyReference reference, Func<ComfyDeployClient, CancellationToken, Task<IReadOnlyList<RunSource>>> find)
        {
            ComfyDeployClient client = ClientOf(reference);
            try
            {
                sources.AddRange(cmdlet.Await(token => find(client, token)));
            }
            catch (ComfyDeployException e)
            {
                cmdlet.ReportOrEnd(e, reference.Text);
            }
        }
    }

    /// <summary>The account that a workflow, a deployment or a run came from; of a name the cmdlet's own.</summary>
    private ComfyDeployClient ClientOf(ComfyReference reference) =>
        reference.Object<IComfyRunSource>() is { } source ? cmdlet.ClientOf(source.Connection) : cmdlet.RunClient(reference);

    private void WriteRuns(IReadOnlyList<RunSource> sources, bool isNamed)
    {
        RunFilter filter = CreateFilter(sources, isNamed);
        IEnumerable<ComfyRun> runs = cmdlet.ThisSession
            ? StartedHere(sources).Where(filter.Matches).Take(cmdlet.First) : Listed(sources, filter);
        List<ComfyRun> chunk = [];
        if (cmdlet.Full) _bar = cmdlet.NewBar((sources.Count > 0 ? sources[0].Client : cmdlet.Client).Session.Clock);
        foreach (ComfyRun run in runs)
        {
            if (cmdlet.Full) chunk.Add(run);
            else cmdlet.WriteObject(run);
            if (chunk.Count == Throttle.DefaultLimit) WriteFull(chunk);
        }
        WriteFull(chunk);
        _bar?.Complete();
    }

    private RunFilter CreateFilter(IReadOnlyList<RunSource> sources, bool isNamed)
    {
        TimeSpan? horizon = cmdlet.Active ? ActiveHorizon : isNamed || cmdlet.ThisSession ? null : AccountHorizon;
        bool isLimited = isNamed || cmdlet.Environment is not null;
        bool isOfDeployments = isLimited && sources.All(source => source.DeploymentId is not null);
        return new(cmdlet.Status)
        {
            Finished = cmdlet.Active ? false : cmdlet.Finished ? true : null,
            After = cmdlet.After ?? (horizon is null ? null : NowOf(sources) - horizon),
            Before = cmdlet.Before,
            Gpu = cmdlet.Gpu,
            Origin = cmdlet.Origin,
            WorkflowIds = isLimited ? [.. sources.Select(source => source.WorkflowId)] : null,
            DeploymentIds = isOfDeployments ? [.. sources.Select(source => source.DeploymentId!)] : null,
        };
    }

    private DateTime NowOf(IReadOnlyList<RunSource> sources) =>
        (sources.Count > 0 ? sources[0].Client : cmdlet.Client).Session.Clock.Now.ToLocalTime();

    private IEnumerable<ComfyRun> Listed(IReadOnlyList<RunSource> sources, RunFilter filter)
    {
        int pageSize = Math.Min(cmdlet.First, FirstPage);
        RunMerge merge = new(sources.Select(source => new RunCursor(
            source.Client, new(source.WorkflowId, source.DeploymentId, filter.ServerStatus, filter.After, pageSize),
            source.WorkflowName, LargestPage)), cmdlet.Stop);
        for (merge.Wanted = cmdlet.First; merge.Wanted > 0;)
        {
            if (merge.NeedsPages) cmdlet.Await(merge.ReadPagesAsync);
            if (merge.Take() is not { } run) yield break;
            // A row without an ID is nothing that can be read, stopped or waited for.
            if (!Guid.TryParse(run.RunId, out _) || !filter.Matches(run)) continue;
            merge.Wanted--;
            yield return run;
        }
    }

    /// <summary>The runs that this process queued, newest first.</summary>
    private IEnumerable<ComfyRun> StartedHere(IReadOnlyList<RunSource> sources)
    {
        ComfyDeployClient[] accounts = sources.Count == 0 ? [cmdlet.Client] : [.. sources.Select(source => source.Client).Distinct()];
        foreach (ComfyDeployClient account in accounts) cmdlet.Await(account.FindUnansweredCreatesAsync);
        IEnumerable<(string, RunOrigin?, ComfyDeployClient)> started = accounts.SelectMany(account =>
            account.Session.KnownRuns.Started.Reverse().Select(id => (id, (RunOrigin?)null, account)));
        foreach (IReadOnlyList<RunReadResult> reads in Read(started))
        {
            FillReasons(reads);
            foreach (RunReadResult read in reads.Where(read => read.Error is not null)) cmdlet.ReportOrEnd(read.Error!, read.RunId);
            foreach (RunReadResult read in reads.Where(read => read.Run is not null)) yield return read.Run!;
        }
    }

    /// <summary>Lists have no inputs, outputs or progress, so that each run is read again.</summary>
    private void WriteFull(List<ComfyRun> chunk)
    {
        IEnumerable<(string, RunOrigin?, ComfyDeployClient)> listed =
            chunk.Select(run => (run.RunId!, (RunOrigin?)RunOrigin.Of(run), cmdlet.ClientOf(run.Connection)));
        foreach (IReadOnlyList<RunReadResult> reads in Read(listed))
        {
            _read += reads.Count;
            Write(reads);
        }
        chunk.Clear();
    }

    private IEnumerable<IReadOnlyList<RunReadResult>> Read(IEnumerable<(string Id, RunOrigin? Origin, ComfyDeployClient Client)> runs)
    {
        OrderedWork<RunReadResult> work = new();
        foreach ((string id, RunOrigin? origin, ComfyDeployClient client) in runs)
        {
            work.Add(token => RunReadResult.ReadAsync(id, origin, client, token), cmdlet.Stop);
            while (work.IsFull) yield return cmdlet.Take(work);
        }
        while (!work.IsEmpty) yield return cmdlet.Take(work);
    }
}
