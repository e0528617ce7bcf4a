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

    // What the caller reads. The fields after these belong to the request that is under way.
    private Page _page = new([], IsLast: false);
    private int _next;
    private int _pagesTaken;
    private Task<Page>? _ahead;

    private int _offset;
    private int _size = query.PageSize;
    private int _knownPages;

    /// <summary>Whether the next step has to wait for a page.</summary>
    internal bool NeedsPage => Left == 0 && !_page.IsLast;

    internal bool IsAtEnd => Left == 0 && _page.IsLast;

    /// <summary>Runs at hand.</summary>
    internal int Left => _page.Runs.Count - _next;

    internal ComfyRun Head => _page.Runs[_next];

    internal ComfyRun Take() => _page.Runs[_next++];

    /// <summary>Begins to read the next page while the caller uses this one, but only once it has asked for a second page.</summary>
    internal void ReadAhead(Throttle throttle, CancellationToken cancellationToken)
    {
        // The caller may be taking runs off a list that shrinks: where its next page begins is known only when this one is used up.
        if (_ahead is not null || _page.IsLast || _pagesTaken < 2 || _shrinks || largestPage is null) return;
        _ahead = Task.Run(() => throttle.RunAsync(() => FetchAsync(cancellationToken), cancellationToken), cancellationToken);
        // A caller that needs no more never looks at it.
        _ = _ahead.ContinueWith(
            ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Goes on to the next page when it is needed and here already. A failure stays for <see cref="ReadPageAsync"/>.</summary>
    internal bool TryTurn()
    {
        if (!NeedsPage || _ahead is not { Status: TaskStatus.RanToCompletion } page) return false;
        Turn(page.GetAwaiter().GetResult());
        return true;
    }

    internal async Task ReadPageAsync(CancellationToken cancellationToken) =>
        Turn(await (_ahead ?? FetchAsync(cancellationToken)).ConfigureAwait(false));

    private void Turn(Page page) => (_page, _next, _ahead, _pagesTaken) = (page, 0, null, _pagesTaken + 1);

    private async Task<Page> FetchAsync(CancellationToken cancellationToken)
    {
        int size = _size;
        int offset = _shrinks ? Math.Max(0, _offset - 1) : _offset;
        IReadOnlyList<ComfyRun> rows = await client.GetRunPageAsync(query with { PageSize = size }, offset, cancellationToken)
            .ConfigureAwait(false);
        bool followsOn = offset == 0 || (rows.FirstOrDefault()?.RunId is { } first && _seen.Contains(first));
        if (_shrinks && !followsOn)
        {
            _offset = Math.Max(0, offset - size);
            return new([], IsLast: false);
        }
        _offset = offset + rows.Count;
        // The caller filters rows and needs more than it first asked for: a thousand pages of one row would be too many.
        _size = Math.Min(size * 2, largestPage ?? size);
        DeploymentCache names = client.Session.Deployments;
        bool namesMissing = rows.Any(run => run.DeploymentId is not null && names.Find(run.DeploymentId) is null);
        if (namesMissing) await client.TryReadDeploymentsAsync(cancellationToken).ConfigureAwait(false);
        List<ComfyRun> added = new(rows.Count);
        foreach (ComfyRun run in rows)
        {
            if (run.RunId is null || !_seen.Add(run.RunId)) continue;
            // The list is that of the workflow, or of the deployment, even where its row does not say so.
            if (string.IsNullOrEmpty(run.WorkflowId)) run.WorkflowId = query.WorkflowId;
            if (string.IsNullOrEmpty(run.DeploymentId)) run.DeploymentId = query.DeploymentId;
            ComfyDeployment? deployment = names.Find(run.DeploymentId);
            run.CarryOver(client.Session.KnownRuns.OriginOf(run.RunId));
            run.DeploymentName ??= deployment?.DeploymentName;
            run.WorkflowName ??= workflowName ?? deployment?.Name;
            added.Add(run);
        }
        _knownPages = added.Count > 0 ? 0 : _knownPages + 1;
        return new(added, IsLast: rows.Count < size || _knownPages == MaxKnownPages);
    }

    private sealed record Page(IReadOnlyList<ComfyRun> Runs, bool IsLast);
}
