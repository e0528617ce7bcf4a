using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>
/// Why runs failed. The service drops it from <c>GET /run/{id}</c>; it is in the workflow's large run list and, less clearly, in the log.
/// At most two list requests for each batch of runs, then one log request for each that is left. Nothing is tried again, and the time is
/// limited: a result without its reason is better than a late one.
/// </summary>
internal sealed class FailureReasons(ComfyDeployClient client, ICallLog log)
{
    private const int FirstPageSize = 50;
    private const int SecondPageSize = 150;
    private static readonly TimeSpan ListLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LogLimit = TimeSpan.FromSeconds(2);
    // Dates of the service have whole seconds in part, and so has what is known of its clock.
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromSeconds(2);

    private readonly ComfyDeployClient _client = new(client.Session, log) { MaxRetries = 0 };
    private readonly Dictionary<string, string> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<(string Workflow, bool IsDeeper), DateTime> _listed = [];
    private readonly Dictionary<string, DateTime> _firstPageBegins = [];
    private readonly List<ComfyRun> _waiting = [];
    private readonly SemaphoreSlim _gate = new(1);

    /// <summary>Sets <see cref="ComfyRun.Error"/> of a failed run. Runs that fail while a batch is under way are the next batch.</summary>
    internal async Task FillAsync(ComfyRun run, CancellationToken cancellationToken)
    {
        if (!IsMissing(run)) return;
        lock (_waiting) _waiting.Add(run);
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ComfyRun[] batch;
            lock (_waiting)
            {
                batch = _waiting.Contains(run) ? [.. _waiting] : [];
                if (batch.Length > 0) _waiting.Clear();
            }
            await FillAsync(batch, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Sets <see cref="ComfyRun.Error"/> of the failed ones; a reason that is not found is not an error and stays null.</summary>
    internal async Task FillAsync(IEnumerable<ComfyRun> runs, CancellationToken cancellationToken)
    {
        List<ComfyRun> missing = [.. runs.Where(IsMissing)];
        missing.RemoveAll(FillKnown);
        await WithinAsync(ListLimit, limit => FillFromListsAsync(missing, limit), cancellationToken).ConfigureAwait(false);
        await WithinAsync(LogLimit, limit => FillFromLogsAsync(missing, limit), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether there is a reason to look for.</summary>
    internal static bool IsMissing(ComfyRun run) => run is { Status: RunStatus.Failed, Error: null, RunId: not null };

    private bool FillKnown(ComfyRun run) => _known.TryGetValue(run.RunId!, out string? reason) && (run.Error = reason) is not null;

    private async Task WithinAsync(TimeSpan time, Func<CancellationToken, Task> fill, CancellationToken cancellationToken)
    {
        using ClockLimit limit = new(client.Session.Clock, time, cancellationToken);
        try
        {
            await fill(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            log.Verbose($"The reasons of failed runs could not be read within {time.TotalSeconds:0} s.");
        }
    }

    private async Task FillFromListsAsync(List<ComfyRun> missing, CancellationToken cancellationToken)
    {
        for (int request = 0; request < 2; request++)
        {
            // The page where most of them can be; a deeper one only if there is no other.
            (string Workflow, bool IsDeeper)? page = missing.GroupBy(PageFor).Where(runs => runs.Key is not null)
                .OrderBy(runs => runs.Key!.Value.IsDeeper).ThenByDescending(runs => runs.Count()).FirstOrDefault()?.Key;
            if (page is not { } found) break;
            await ListAsync(found.Workflow, found.IsDeeper, cancellationToken).ConfigureAwait(false);
            missing.RemoveAll(FillKnown);
        }
    }

    /// <summary>The next page of its workflow's list that can contain a run; null when no list can help.</summary>
    private (string Workflow, bool IsDeeper)? PageFor(ComfyRun run)
    {
        if (run.WorkflowId is not { } workflow) return null;
        if (CanHelp((workflow, false), run)) return (workflow, false);
        bool isTooNew = _firstPageBegins.TryGetValue(workflow, out DateTime begins) && run.CreatedAt?.ToUniversalTime() > begins;
        return !isTooNew && CanHelp((workflow, true), run) ? (workflow, true) : null;
    }

    /// <summary>Whether a page was not read yet, or not since the run ended.</summary>
    private bool CanHelp((string Workflow, bool IsDeeper) page, ComfyRun run) => !_listed.TryGetValue(page, out DateTime listedAt)
        || (run.EndedAt ?? run.UpdatedAt)?.ToUniversalTime() + ClockTolerance > listedAt;

    private async Task ListAsync(string workflowId, bool isDeeper, CancellationToken cancellationToken)
    {
        _listed[(workflowId, isDeeper)] = client.Session.ServiceNow;
        try
        {
            (int limit, int offset) = isDeeper ? (SecondPageSize, FirstPageSize) : (FirstPageSize, 0);
            List<RunWire> rows = await _client.GetRawRunPageAsync(workflowId, limit, offset, cancellationToken).ConfigureAwait(false);
            foreach (RunWire row in rows)
            {
                if (row is { Id: { } id, Status: RunStatus.Failed } && Reason(row.Outputs) is { } reason) _known[id] = reason;
            }
            if (isDeeper) return;
            if (rows.Count < limit) _listed[(workflowId, true)] = _listed[(workflowId, false)];
            if (rows.Min(row => row.CreatedAt) is { } begins) _firstPageBegins[workflowId] = begins.ToUniversalTime();
        }
        catch (ComfyDeployException e)
        {
            log.Verbose($"The reasons of failed runs could not be listed: {e.Message}");
        }
    }

    private async Task FillFromLogsAsync(List<ComfyRun> runs, CancellationToken cancellationToken)
    {
        await Throttle.ForEachAsync(runs, run => FillFromLogAsync(run, cancellationToken), cancellationToken).ConfigureAwait(false);
        // Only now: the logs are read on several threads.
        foreach (ComfyRun run in runs)
        {
            if (run.Error is not null) _known[run.RunId!] = run.Error;
        }
    }

    private async Task FillFromLogAsync(ComfyRun run, CancellationToken cancellationToken)
    {
        try
        {
            IReadOnlyList<string> lines = await _client.GetLogAsync(run.RunId!, cancellationToken).ConfigureAwait(false);
            string? line = lines.LastOrDefault(text => text.Contains("Error") || text.Contains("Exception")) ?? lines.LastOrDefault();
            run.Error = line?.Trim();
        }
        catch (ComfyDeployException e)
        {
            log.Verbose($"The log of run {RunName.Of(run)} could not be read: {e.Message}");
        }
    }

    /// <summary>The message in an error output: what a ComfyUI node raised, or why the prompt was rejected.</summary>
    internal static string? Reason(JsonElement? outputs)
    {
        if (outputs is not { ValueKind: JsonValueKind.Array } rows) return null;
        foreach (JsonElement row in rows.EnumerateArray())
        {
            if (row.ValueKind != JsonValueKind.Object || !row.TryGetProperty("data", out JsonElement data)) continue;
            if (data.ValueKind != JsonValueKind.Object) continue;
            if (Text(data, "exception_message") is { } message) return Join(Text(data, "node_type"), message);
            if (!data.TryGetProperty("error", out JsonElement error)) continue;
            if (error.ValueKind == JsonValueKind.String) return error.GetString();
            if (error.ValueKind == JsonValueKind.Object) return Join(Text(error, "message") ?? Text(error, "type"), Text(error, "details"));
        }
        return null;
    }

    private static string? Join(string? subject, string? message) =>
        string.IsNullOrWhiteSpace(subject) ? message?.Trim() : string.IsNullOrWhiteSpace(message) ? subject
            : $"{subject}: {message!.Trim()}";

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            && value.GetString() is { Length: > 0 } text
            ? text
            : null;
}
