namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    /// <summary>One page of a workflow's runs, newest first, for a wait: what is not asked for in a list is left out.</summary>
    /// <param name="workflowId">The workflow.</param>
    /// <param name="since">Only runs made at or after this time.</param>
    /// <param name="limit">Rows.</param>
    /// <param name="offset">Rows before them.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    internal async Task<IReadOnlyList<ComfyRun>> GetRunRowsAsync(
        string workflowId, DateTime? since, int limit, int offset, CancellationToken cancellationToken)
    {
        string path = $"/v2/workflow/{Segment(workflowId)}/runs?limit={limit}&offset={offset}";
        if (since is { } time && Timestamp.ToUnixSeconds(time) is > 0 and <= int.MaxValue and var seconds) path += $"&rf={seconds}";
        return Map(await SendAsync(
            () => Request(HttpMethod.Get, path), WireJson.ReadRuns, ErrorIds.WorkflowNotFound, cancellationToken).ConfigureAwait(false));
    }
}
