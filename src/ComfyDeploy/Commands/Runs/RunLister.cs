using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// Lists the runs that the parameters of Get-ComfyRun describe, newest first, and writes runs with their failure reasons.
/// </summary>
internal sealed class RunLister(GetComfyRunCommand cmdlet)
{
    private const int MaxPageSize = 100;
    private static readonly TimeSpan AccountHorizon = TimeSpan.FromHours(24);
    private static readonly TimeSpan ActiveHorizon = TimeSpan.FromHours(48);

    private readonly Dictionary<ApiSession, FailureReasons> _reasons = [];

    /// <summary>Writes the runs of the named workflows and deployments, or of the whole account.</summary>
    internal void WriteRuns()
    {
        ComfyDeployClient client = cmdlet.Client;
        WriteRuns(client, FindSources(client), isNamed: cmdlet.Deployment is not null || cmdlet.Workflow is not null);
    }

    /// <summary>Writes the runs of one workflow or deployment.</summary>
    internal void WriteRunsOf(IComfyRunSource source)
    {
        RunSource only = new(source.WorkflowId ?? string.Empty, source.ToString(), source.DeploymentId);
        WriteRuns(cmdlet.ClientOf(source.Connection), [only], isNamed: true);
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
        foreach (IGrouping<ApiSession, RunReadResult> account in reads.Where(read => read.Run is not null)
            .GroupBy(read => read.Client.Session))
        {
            if (!_reasons.TryGetValue(account.Key, out FailureReasons? reasons))
            {
                _reasons.Add(account.Key, reasons = new(account.First().Client, cmdlet.Log));
            }
            cmdlet.Await(cancellationToken => reasons.FillAsync(account.Select(read => read.Run!), cancellationToken));
        }
    }

    private IReadOnlyList<RunSource> FindSources(ComfyDeployClient client)
    {
        string? environment = cmdlet.Environment;
        List<RunSource> sources = [];
        foreach (ComfyReference deployment in cmdlet.Deployment ?? [])
        {
            AddSources(deployment, token => RunSources.OfDeploymentsAsync(client, deployment, environment, token));
        }
        foreach (ComfyReference workflow in cmdlet.Workflow ?? [])
        {
            AddSources(workflow, token => RunSources.OfWorkflowsAsync(client, workflow, token));
        }
        if (cmdlet.Deployment is null && cmdlet.Workflow is null)
        {
            sources.AddRange(cmdlet.Await(token => RunSources.OfAccountAsync(client, token)));
        }
        RunSource[] distinct = [.. sources.Distinct()];
        return environment is null || cmdlet.Deployment is not null
            ? distinct
            : cmdlet.Await(token => RunSources.InEnvironmentAsync(client, distinct, environment, token));

        void AddSources(ComfyReference reference, Func<CancellationToken, Task<IReadOnlyList<RunSource>>> find)
        {
            try
            {
                sources.AddRange(cmdlet.Await(find));
            }
            catch (ComfyDeployException e)
            {
                cmdlet.ReportOrEnd(e, reference.Text);
            }
        }
    }

    private void WriteRuns(ComfyDeployClient client, IReadOnlyList<RunSource> sources, bool isNamed)
    {
        RunFilter filter = CreateFilter(client, sources, isNamed);
        IEnumerable<ComfyRun> runs = (cmdlet.ThisSession ? StartedHere(client) : Listed(client, sources, filter))
            .Where(filter.Matches).Take(cmdlet.First);
        List<ComfyRun> chunk = [];
        foreach (ComfyRun run in runs)
        {
            if (cmdlet.Full) chunk.Add(run);
            else cmdlet.WriteObject(run);
            if (chunk.Count == OrderedWork.Parallel) WriteFull(client, chunk);
        }
        WriteFull(client, chunk);
    }

    private RunFilter CreateFilter(ComfyDeployClient client, IReadOnlyList<RunSource> sources, bool isNamed)
    {
        TimeSpan? horizon = cmdlet.Active ? ActiveHorizon : isNamed || cmdlet.ThisSession ? null : AccountHorizon;
        bool isLimited = isNamed || cmdlet.Environment is not null;
        bool isOfDeployments = isLimited && sources.All(source => source.DeploymentId is not null);
        return new(cmdlet.Status)
        {
            Finished = cmdlet.Active ? false : cmdlet.Finished ? true : null,
            After = cmdlet.After ?? (horizon is null ? null : client.Session.Clock.Now.ToLocalTime() - horizon),
            Before = cmdlet.Before,
            Gpu = cmdlet.Gpu,
            Origin = cmdlet.Origin,
            WorkflowIds = isLimited ? [.. sources.Select(source => source.WorkflowId)] : null,
            DeploymentIds = isOfDeployments ? [.. sources.Select(source => source.DeploymentId!)] : null,
        };
    }

    private IEnumerable<ComfyRun> Listed(ComfyDeployClient client, IReadOnlyList<RunSource> sources, RunFilter filter)
    {
        int pageSize = Math.Min(cmdlet.First, MaxPageSize);
        RunMerge merge = new(sources.Select(source => new RunCursor(
            client, new(source.WorkflowId, source.DeploymentId, filter.ServerStatus, filter.After, pageSize), source.WorkflowName,
                MaxPageSize)));
        while (true)
        {
            if (merge.NeedsPages) cmdlet.Await(merge.ReadPagesAsync);
            if (merge.Take() is not { } run) yield break;
            yield return run;
        }
    }

    /// <summary>The runs that this process queued, newest first.</summary>
    private IEnumerable<ComfyRun> StartedHere(ComfyDeployClient client)
    {
        cmdlet.Await(client.FindUnansweredCreatesAsync);
        IEnumerable<(string, RunOrigin?)> started = client.Session.KnownRuns.Started.Reverse().Select(id => (id, (RunOrigin?)null));
        foreach (IReadOnlyList<RunReadResult> reads in Read(client, started))
        {
            FillReasons(reads);
            foreach (RunReadResult read in reads.Where(read => read.Error is not null)) cmdlet.ReportOrEnd(read.Error!, read.RunId);
            foreach (RunReadResult read in reads.Where(read => read.Run is not null)) yield return read.Run!;
        }
    }

    /// <summary>Lists have no inputs, outputs or progress, so that each run is read again.</summary>
    private void WriteFull(ComfyDeployClient client, List<ComfyRun> chunk)
    {
        IEnumerable<(string, RunOrigin?)> listed = chunk.Select(run => (run.RunId!, (RunOrigin?)RunOrigin.Of(run)));
        foreach (IReadOnlyList<RunReadResult> reads in Read(client, listed)) Write(reads);
        chunk.Clear();
    }

    private IEnumerable<IReadOnlyList<RunReadResult>> Read(ComfyDeployClient client, IEnumerable<(string Id, RunOrigin? Origin)> runs)
    {
        OrderedWork<RunReadResult> work = new();
        foreach ((string id, RunOrigin? origin) in runs)
        {
            work.Add(token => RunReadResult.ReadAsync(id, origin, client, token), cmdlet.Stop);
            while (work.IsFull) yield return cmdlet.Await(_ => work.TakeAsync());
        }
        while (!work.IsEmpty) yield return cmdlet.Await(_ => work.TakeAsync());
    }
}
