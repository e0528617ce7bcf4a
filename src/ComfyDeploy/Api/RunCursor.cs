namespace ComfyDeploy.Api;

/// <summary>Goes through one list of runs page by page. Offsets shift while new runs arrive, so that a run may come twice: it is handed out once.</summary>
internal sealed class RunCursor(ComfyDeployClient client, RunQuery query, string? workflowName)
{
    private readonly HashSet<string> _seen = new(StringComparer.OrdinalIgnoreCase);
    private readonly Queue<ComfyRun> _page = new();
    private int _offset;
    private bool _isLastPage;

    internal ComfyDeployClient Client => client;

    /// <summary>Whether the next step needs a request.</summary>
    internal bool NeedsPage => _page.Count == 0 && !_isLastPage;

    internal bool IsAtEnd => _page.Count == 0 && _isLastPage;

    internal ComfyRun Head => _page.Peek();

    internal ComfyRun Take() => _page.Dequeue();

    internal async Task ReadPageAsync(CancellationToken stop)
    {
        IReadOnlyList<ComfyRun> rows = await client.GetRunPageAsync(query, _offset, stop).ConfigureAwait(false);
        _offset += rows.Count;
        _isLastPage = rows.Count < query.PageSize;
        bool namesMissing = rows.Any(run => run.DeploymentId is not null && client.Session.Deployments.Find(run.DeploymentId) is null);
        if (namesMissing) await client.TryReadDeploymentsAsync(stop).ConfigureAwait(false);
        foreach (ComfyRun run in rows)
        {
            if (run.RunId is null || !_seen.Add(run.RunId)) continue;
            ComfyDeployment? deployment = client.Session.Deployments.Find(run.DeploymentId);
            run.CarryOver(client.Session.KnownRuns.OriginOf(run.RunId));
            run.DeploymentName ??= deployment?.DeploymentName;
            run.WorkflowName ??= workflowName ?? deployment?.Name;
            _page.Enqueue(run);
        }
    }
}
