using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>
/// Why runs failed. The service drops it from <c>GET /run/{id}</c>; it is in the workflow's large run list and, less clearly, in the log.
/// At most two list requests for each batch of runs, then one log request for each that is left.
/// </summary>
internal sealed class FailureReasons(ComfyDeployClient client, ICallLog log)
{
    private const int FirstPageSize = 50;
    private const int SecondPageSize = 150;

    private readonly Dictionary<string, string> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _listed = [];

    /// <summary>Sets <see cref="ComfyRun.Error"/> of the failed ones; a reason that is not found is not an error and stays null.</summary>
    internal async Task FillAsync(IEnumerable<ComfyRun> runs, CancellationToken cancellationToken)
    {
        List<ComfyRun> missing = [.. runs.Where(run => run is { Status: RunStatus.Failed, Error: null, RunId: not null })];
        missing.RemoveAll(FillKnown);
        for (int request = 0; request < 2 && missing.Count > 0; request++)
        {
            // The workflow that most of them belong to. One that is already listed is listed again, and deeper, only if there is no other.
            string? workflow = missing.Where(run => run.WorkflowId is not null).GroupBy(run => run.WorkflowId)
                .OrderBy(group => _listed.Contains(group.Key!)).ThenByDescending(group => group.Count()).FirstOrDefault()?.Key;
            if (workflow is null) break;
            await ListAsync(workflow, deeper: !_listed.Add(workflow), cancellationToken).ConfigureAwait(false);
            missing.RemoveAll(FillKnown);
        }
        _listed.Clear();
        await FillFromLogsAsync(missing, cancellationToken).ConfigureAwait(false);
    }

    private bool FillKnown(ComfyRun run) => _known.TryGetValue(run.RunId!, out string? reason) && (run.Error = reason) is not null;

    private async Task ListAsync(string workflowId, bool deeper, CancellationToken cancellationToken)
    {
        try
        {
            (int limit, int offset) = deeper ? (SecondPageSize, FirstPageSize) : (FirstPageSize, 0);
            List<RunWire> rows = await client.GetRawRunPageAsync(workflowId, limit, offset, cancellationToken).ConfigureAwait(false);
            foreach (RunWire row in rows)
            {
                if (row is { Id: { } id, Status: RunStatus.Failed } && Reason(row.Outputs) is { } reason) _known[id] = reason;
            }
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
            IReadOnlyList<string> lines = await client.GetLogAsync(run.RunId!, cancellationToken).ConfigureAwait(false);
            string? line = lines.LastOrDefault(text => text.Contains("Error") || text.Contains("Exception")) ?? lines.LastOrDefault();
            run.Error = line?.Trim();
        }
        catch (ComfyDeployException e)
        {
            log.Verbose($"The log of run {run.RunId} could not be read: {e.Message}");
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
