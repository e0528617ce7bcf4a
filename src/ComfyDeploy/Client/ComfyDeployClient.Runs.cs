namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    // Seconds: far beyond any run, and within what a decimal holds.
    private const double LongestBilled = 1e9;

    /// <summary>Reads one run; with its place in the queue while it waits.</summary>
    /// <param name="runId">Its id.</param>
    /// <param name="stop">Ends the call.</param>
    /// <param name="origin">What the caller knows of it, before what this process does.</param>
    internal async Task<ComfyRun> GetRunAsync(string runId, CancellationToken stop, RunOrigin? origin = null)
    {
        RunWire wire = await GetAsync($"/run/{runId}?queue_position=true", WireContext.Default.RunWire, ErrorIds.RunNotFound, stop).ConfigureAwait(false);
        ComfyRun run = await FinishAsync(wire, stop).ConfigureAwait(false);
        run.IsWhole = true;
        run.CarryOver(origin);
        run.CarryOver(session.KnownRuns.OriginOf(runId));
        return run;
    }

    /// <summary>One page of a workflow's runs, newest first. These rows carry no inputs, outputs or progress.</summary>
    internal async Task<IReadOnlyList<ComfyRun>> GetRunPageAsync(RunQuery query, int offset, CancellationToken stop)
    {
        string path = $"/v2/workflow/{query.WorkflowId}/runs?limit={query.PageSize}&offset={offset}";
        if (query.DeploymentId is not null) path += $"&deployment_id={query.DeploymentId}";
        if (query.Status is not null) path += $"&status={Uri.EscapeDataString(query.Status)}";
        // What the service cannot take as a time it need not know: the caller looks at every row.
        if (query.After is { } after && Timestamp.ToUnixSeconds(after) is > 0 and <= int.MaxValue and var seconds) path += $"&rf={seconds}";
        List<RunWire> rows = await GetAsync(path, WireContext.Default.ListRunWire, ErrorIds.WorkflowNotFound, stop).ConfigureAwait(false);
        List<ComfyRun> runs = new(rows.Count);
        foreach (RunWire row in rows) runs.Add(await FinishAsync(row, stop).ConfigureAwait(false));
        return runs;
    }

    /// <summary>One page of a workflow's runs as they are stored: here alone the reason of a failed run is to be seen. Heavy: each row repeats the graph.</summary>
    internal Task<List<RunWire>> GetRawRunPageAsync(string workflowId, int limit, int offset, CancellationToken stop) =>
        GetAsync($"/workflow/{workflowId}/runs?limit={limit}&offset={offset}&with_inputs=false", WireContext.Default.ListRunWire, ErrorIds.WorkflowNotFound, stop);

    /// <summary>The caller's own newest runs of a deployment.</summary>
    internal async Task<IReadOnlyList<RunWire>> GetOwnRunsAsync(string deploymentId, CancellationToken stop)
    {
        RunPageWire page = await GetAsync($"/deployment/{deploymentId}/runs?filter_user_runs=true&limit=60", WireContext.Default.RunPageWire, ErrorIds.DeploymentNotFound, stop)
            .ConfigureAwait(false);
        return page.Data ?? [];
    }

    /// <summary>The archived log of a run, oldest line first; empty while it is alive.</summary>
    internal async Task<IReadOnlyList<string>> GetLogAsync(string runId, CancellationToken stop)
    {
        List<LogLineWire> lines = await GetAsync($"/v2/clickhouse-run-logs/{runId}", WireContext.Default.ListLogLineWire, ErrorIds.RunNotFound, stop).ConfigureAwait(false);
        // The archive repeats the stream's own end mark as if it were a line.
        return [.. lines.Select(line => line.Log).Where(log => !string.IsNullOrWhiteSpace(log) && log != "__END__").Select(log => log!)];
    }

    /// <summary>Cancels a run. The service answers the same for a run that is over already, and 500 for one that is not there or never began.</summary>
    internal async Task CancelRunAsync(string runId, CancellationToken stop)
    {
        await SendAsync(() => Request(HttpMethod.Post, $"/run/{runId}/cancel"), body => body.Length, ErrorIds.RunNotFound, stop).ConfigureAwait(false);
        log.Verbose($"Cancelled run {runId}.");
    }

    private async Task<ComfyRun> FinishAsync(RunWire wire, CancellationToken stop)
    {
        ComfyRun run = wire.ToRun(Connection);
        session.KnownRuns.See(run.RunId);
        run.ClockOffset = session.ClockOffset ?? TimeSpan.Zero;
        if (run is { IsFinished: true, Gpu: not null, RunSeconds: { } seconds } && seconds + (run.ColdStartSeconds ?? 0) is >= 0 and < LongestBilled and double billed)
        {
            Dictionary<string, decimal> prices = await GetGpuPricesAsync(stop).ConfigureAwait(false);
            if (prices.TryGetValue(run.Gpu, out decimal price)) run.EstimatedCost = Math.Round((decimal)billed * price, 6);
        }
        return run;
    }
}

/// <summary>Which runs of a workflow to list.</summary>
/// <param name="WorkflowId">The workflow.</param>
/// <param name="DeploymentId">Only this deployment's.</param>
/// <param name="Status">Only this stored status, in the service's spelling.</param>
/// <param name="After">Only runs made at or after this time.</param>
/// <param name="PageSize">Rows of the first request.</param>
internal sealed record RunQuery(string WorkflowId, string? DeploymentId, string? Status, DateTime? After, int PageSize);
