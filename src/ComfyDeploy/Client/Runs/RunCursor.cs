namespace ComfyDeploy.Client;

/// <summary>
/// Reads one list of runs page by page. Offsets shift while new runs arrive: a run that comes twice is returned once. They shift back while
/// runs leave the status that is listed, as when the reader cancels them: then a page begins with the last known run, as proof that none
/// between was passed over.
/// </summary>
/// <param name="client">The account.</param>
/// <param name="query">Which runs, and how many in the first page.</param>
/// <param name="workflowName">The workflow's name, where known.</param>
/// <param name="largestPage">The size pages grow to when one is not enough; without it they do not grow.</param>
internal sealed class RunCursor(ComfyDeployClient client, RunQuery query, string? workflowName, int? largestPage = null)
{
    // So many runs may arrive between two pages that one of them brings nothing new. A service that ignores the offset never does.
    private const int MaxKnownPages = 2;

    private readonly bool _shrinks = query.Status is not null && !RunStatus.IsFinished(query.Status, endedAt: null);
    private readonly HashSet<string> _seen = new(StringComparer.OrdinalIgnoreCase);
    private readonly Queue<ComfyRun> _page = new();
    private int _offset;
    private int _size = query.PageSize;
    private bool _isLastPage;
    private int _knownPages;

    /// <summary>Whether the next step needs a request.</summary>
    internal bool NeedsPage => _page.Count == 0 && !_isLastPage;

    internal bool IsAtEnd => _page.Count == 0 && _isLastPage;

    internal ComfyRun Head => _page.Peek();

    internal ComfyRun Take() => _page.Dequeue();

    internal async Task ReadPageAsync(CancellationToken cancellationToken)
    {
        int size = _size;
        int offset = _shrinks ? Math.Max(0, _offset - 1) : _offset;
        IReadOnlyList<ComfyRun> rows = await client.GetRunPageAsync(query with { PageSize = size }, offset, cancellationToken)
            .ConfigureAwait(false);
        bool followsOn = offset == 0 || (rows.FirstOrDefault()?.RunId is { } first && _seen.Contains(first));
        if (_shrinks && !followsOn)
        {
            _offset = Math.Max(0, offset - size);
            return;
        }
        _offset = offset + rows.Count;
        // The caller filters rows and needs more than it first asked for: a thousand pages of one row would be too many.
        _size = Math.Min(size * 2, largestPage ?? size);
        bool namesMissing = rows.Any(run => run.DeploymentId is not null && client.Session.Deployments.Find(run.DeploymentId) is null);
        if (namesMissing) await client.TryReadDeploymentsAsync(cancellationToken).ConfigureAwait(false);
        foreach (ComfyRun run in rows)
        {
            if (run.RunId is null || !_seen.Add(run.RunId)) continue;
            // The list is that of the workflow, or of the deployment, even where its row does not say so.
            if (string.IsNullOrEmpty(run.WorkflowId)) run.WorkflowId = query.WorkflowId;
            if (string.IsNullOrEmpty(run.DeploymentId)) run.DeploymentId = query.DeploymentId;
            ComfyDeployment? deployment = client.Session.Deployments.Find(run.DeploymentId);
            run.CarryOver(client.Session.KnownRuns.OriginOf(run.RunId));
            run.DeploymentName ??= deployment?.DeploymentName;
            run.WorkflowName ??= workflowName ?? deployment?.Name;
            _page.Enqueue(run);
        }
        _knownPages = _page.Count > 0 ? 0 : _knownPages + 1;
        _isLastPage = rows.Count < size || _knownPages == MaxKnownPages;
    }
}
