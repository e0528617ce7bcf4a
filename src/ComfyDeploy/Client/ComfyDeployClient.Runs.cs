using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    // Far beyond any run, and within the range of a decimal.
    private const double MaxBilledSeconds = 1e9;

    /// <summary>The rows of a full page of own runs.</summary>
    internal const int MaxOwnRuns = 60;

    /// <inheritdoc cref="GetRunAsync(string, RunOrigin, CancellationToken)"/>
    internal Task<ComfyRun> GetRunAsync(string runId, CancellationToken cancellationToken) => GetRunAsync(runId, null, cancellationToken);

    /// <summary>Reads one run, with its queue position while it waits.</summary>
    /// <param name="runId">Its ID.</param>
    /// <param name="origin">What the caller knows of the run; it precedes what this process remembers.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    internal async Task<ComfyRun> GetRunAsync(string runId, RunOrigin? origin, CancellationToken cancellationToken)
    {
        RunWire wire = await SendAsync(
            () => Request(HttpMethod.Get, $"/run/{Segment(runId)}?queue_position=true"),
            About(runId, WireJson.ReadRun, run => run.Id), ErrorIds.RunNotFound, cancellationToken).ConfigureAwait(false);
        ComfyRun run = Map([wire])[0];
        run.IsDetailed = true;
        run.CarryOver(origin);
        run.CarryOver(session.KnownRuns.OriginOf(runId));
        await EstimateCostsAsync([run], cancellationToken).ConfigureAwait(false);
        return run;
    }

    /// <summary>One page of a workflow's runs, newest first. These rows carry no inputs, outputs or progress.</summary>
    internal async Task<IReadOnlyList<ComfyRun>> GetRunPageAsync(RunQuery query, int offset, CancellationToken cancellationToken)
    {
        List<ComfyRun> runs = await GetRunRowsAsync(query, offset, cancellationToken).ConfigureAwait(false);
        int nameless = runs.Count(run => !Guid.TryParse(run.RunId, out _));
        // Who stops all active runs must know that these are not among them.
        if (nameless > 0) log.Warning($"The list of runs is incomplete: {Plural.Of(nameless, "row")} had no valid ID.");
        await EstimateCostsAsync(runs, cancellationToken).ConfigureAwait(false);
        return runs;
    }

    /// <summary>The same page for a wait: without costs, and without a word on rows that have no ID.</summary>
    internal async Task<List<ComfyRun>> GetRunRowsAsync(RunQuery query, int offset, CancellationToken cancellationToken)
    {
        string path = $"/v2/workflow/{Segment(query.WorkflowId)}/runs?limit={query.PageSize}&offset={offset}";
        if (query.DeploymentId is not null) path += $"&deployment_id={Segment(query.DeploymentId)}";
        if (query.Status is not null) path += $"&status={Uri.EscapeDataString(query.Status)}";
        // A time the service does not accept is left out: the caller filters every row itself.
        if (query.After is { } after && Timestamp.ToUnixSeconds(after) is > 0 and <= int.MaxValue and var seconds) path += $"&rf={seconds}";
        return Map(await SendAsync(
            () => Request(HttpMethod.Get, path), WireJson.ReadRuns, ErrorIds.WorkflowNotFound, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>One page of a workflow's runs as stored: only these contain why a run failed, and each repeats the graph.</summary>
    internal Task<List<RunWire>> GetRawRunPageAsync(string workflowId, int limit, int offset, CancellationToken cancellationToken)
    {
        string path = $"/workflow/{Segment(workflowId)}/runs?limit={limit}&offset={offset}&with_inputs=false";
        return GetAsync(path, WireContext.Default.ListRunWire, ErrorIds.WorkflowNotFound, cancellationToken);
    }

    /// <summary>The caller's own newest runs, in the list that has those of a target.</summary>
    internal async Task<IReadOnlyList<RunWire>> GetOwnRunsAsync(CreateTarget target, CancellationToken cancellationToken) =>
        (await GetOwnRunPageAsync(target, offset: 0, cancellationToken).ConfigureAwait(false)).Rows;

    /// <summary>A page of the caller's own runs, newest first, in the list that has those of a target.</summary>
    /// <returns>The rows, and how many the service returned; fewer than <see cref="MaxOwnRuns"/> are the end.</returns>
    internal async Task<(IReadOnlyList<RunWire> Rows, int Returned)> GetOwnRunPageAsync(
        CreateTarget target, int offset, CancellationToken cancellationToken)
    {
        string start = offset > 0 ? $"&offset={offset}" : string.Empty;
        if (target is WorkflowTarget workflow)
        {
            // Each row has its inputs, so that no run is read again. The key of an organization lists those of all its members.
            string list = $"/workflow/{Segment(workflow.WorkflowId)}/runs?limit={MaxOwnRuns}&with_inputs=true&with_outputs=false{start}";
            List<RunWire> rows = await GetAsync(list, WireContext.Default.ListRunWire, ErrorIds.WorkflowNotFound, cancellationToken)
                .ConfigureAwait(false);
            return ([.. rows.Where(row => row.UserId is null || Connection.UserId is null || row.UserId == Connection.UserId)], rows.Count);
        }
        string path = $"/deployment/{Segment(target.ListId)}/runs?filter_user_runs=true&limit={MaxOwnRuns}{start}";
        List<RunWire> own = await SendAsync(
            () => Request(HttpMethod.Get, path), ReadPage, ErrorIds.DeploymentNotFound, cancellationToken).ConfigureAwait(false);
        return (own, own.Count);
    }

    /// <summary>What has no list of runs says nothing of them: least of all that there are none.</summary>
    private static List<RunWire> ReadPage(MemoryStream body) => WireJson.Read(body, WireContext.Default.RunPageWire).Data
        ?? throw new JsonException("The answer has no list of runs.");

    /// <summary>The archived log of a run, oldest line first; empty until the run ends.</summary>
    internal async Task<IReadOnlyList<string>> GetLogAsync(string runId, CancellationToken cancellationToken)
    {
        string path = $"/v2/clickhouse-run-logs/{Segment(runId)}";
        List<LogLineWire> lines = await GetAsync(path, WireContext.Default.ListLogLineWire, ErrorIds.RunNotFound, cancellationToken)
            .ConfigureAwait(false);
        // The archive contains the end mark of the log stream as a line.
        return [.. lines.Select(line => line.Log).Where(log => !string.IsNullOrWhiteSpace(log) && log != "__END__").Select(log => log!)];
    }

    /// <summary>Cancels a run. The service answers the same for a finished run, and 500 for one that is missing or never began.</summary>
    internal async Task CancelRunAsync(string runId, RunOrigin? origin, CancellationToken cancellationToken)
    {
        HttpRequestMessage Cancel() => Request(HttpMethod.Post, $"/run/{Segment(runId)}/cancel");
        await SendAsync(Cancel, ReadConfirmation, ErrorIds.RunNotFound, cancellationToken).ConfigureAwait(false);
        log.Verbose($"Cancelled run {NameOf(runId, origin)}.");
    }

    /// <summary>What a run is called in messages: what the caller knows of it precedes what this process remembers.</summary>
    internal string NameOf(string runId, RunOrigin? origin) =>
        RunName.Of(runId, origin?.Label ?? session.KnownRuns.OriginOf(runId)?.Label);

    /// <summary>A page of a proxy is also answered with 200: only the service's own words say that a run was cancelled.</summary>
    private static bool ReadConfirmation(MemoryStream body)
    {
        using JsonDocument answer = JsonDocument.Parse(body);
        bool isConfirmed = answer.RootElement.ValueKind == JsonValueKind.Object
            && answer.RootElement.TryGetProperty("status", out JsonElement status)
            && status.ValueKind == JsonValueKind.String && status.ValueEquals("success");
        return isConfirmed ? true : throw new JsonException("The answer does not confirm the cancel.");
    }

    /// <summary>Reads an answer about one thing: one without the ID that was asked for is about nothing, or about something else.</summary>
    private static Func<MemoryStream, T> About<T>(string id, Func<MemoryStream, T> read, Func<T, string?> idOf) => body =>
    {
        T thing = read(body);
        return string.Equals(idOf(thing), id, StringComparison.OrdinalIgnoreCase)
            ? thing
            : throw new JsonException("The answer does not have the ID that was asked for.");
    };

    /// <summary>An ID of an answer may hold anything, but never leads to another path.</summary>
    private static string Segment(string id) => Uri.EscapeDataString(id);

    /// <summary>A row that is no object is a run of which nothing is known, so that rows are counted as the service does.</summary>
    private List<ComfyRun> Map(List<RunWire?> rows)
    {
        List<ComfyRun> runs = rows.ConvertAll(row => (row ?? new()).ToRun(Connection));
        TimeSpan offset = session.ClockOffset ?? TimeSpan.Zero;
        foreach (ComfyRun run in runs) run.ClockOffset = offset;
        session.KnownRuns.See(runs);
        return runs;
    }

    /// <summary>Sets the cost of finished runs; the first one makes a request for the prices.</summary>
    private async Task EstimateCostsAsync(IReadOnlyList<ComfyRun> runs, CancellationToken cancellationToken)
    {
        if (!runs.Any(run => BilledSeconds(run) is not null)) return;
        Dictionary<string, decimal> prices = await GetGpuPricesAsync(cancellationToken).ConfigureAwait(false);
        foreach (ComfyRun run in runs)
        {
            if (BilledSeconds(run) is { } billed && prices.TryGetValue(run.Gpu!, out decimal price))
            {
                run.EstimatedCost = Math.Round((decimal)billed * price, 6);
            }
        }
    }

    private static double? BilledSeconds(ComfyRun run) =>
        run is { Gpu: not null, RunSeconds: { } seconds, IsFinished: true }
            && seconds + (run.ColdStartSeconds ?? 0) is >= 0 and < MaxBilledSeconds and var billed ? billed : null;
}

/// <summary>Which runs of a workflow to list.</summary>
/// <param name="WorkflowId">The workflow.</param>
/// <param name="DeploymentId">Only this deployment's.</param>
/// <param name="Status">Only this stored status, in the service's spelling.</param>
/// <param name="After">Only runs made at or after this time.</param>
/// <param name="PageSize">Rows of the first request.</param>
internal sealed record RunQuery(string WorkflowId, string? DeploymentId, string? Status, DateTime? After, int PageSize);
