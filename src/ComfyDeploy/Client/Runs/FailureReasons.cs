using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>
/// Why runs failed. The service drops it from <c>GET /run/{id}</c>; it stands in the heavy list of the workflow and, less clearly, in the log.
/// At most two list requests for each batch of runs, then one log request for each that is left.
/// </summary>
internal sealed class FailureReasons(ComfyDeployClient client, ICallLog log)
{
    private const int FirstPageSize = 50;
    private const int SecondPageSize = 150;
    private const int ParallelLogs = 8;

    private readonly Dictionary<string, string> _known = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Sets <see cref="ComfyRun.Error"/> of the failed ones; what cannot be found stays null, since a reason is never worth an error.</summary>
    internal async Task FillAsync(IEnumerable<ComfyRun> runs, CancellationToken stop)
    {
        List<ComfyRun> missing = [.. runs.Where(run => run is { Status: RunStatus.Failed, Error: null, RunId: not null })];
        missing.RemoveAll(FillKnown);
        for (int request = 0; request < 2 && missing.Count > 0; request++)
        {
            // The workflow that most of them belong to; the one already looked at, once more and deeper, only when there is no other.
            string? workflow = missing.Where(run => run.WorkflowId is not null).GroupBy(run => run.WorkflowId)
                .OrderBy(group => _listed.Contains(group.Key!)).ThenByDescending(group => group.Count()).FirstOrDefault()?.Key;
            if (workflow is null) break;
            await ListAsync(workflow, deeper: !_listed.Add(workflow), stop).ConfigureAwait(false);
            missing.RemoveAll(FillKnown);
        }
        _listed.Clear();
        await FillFromLogsAsync(missing, stop).ConfigureAwait(false);
    }

    private readonly HashSet<string> _listed = [];

    private bool FillKnown(ComfyRun run) => _known.TryGetValue(run.RunId!, out string? reason) && (run.Error = reason) is not null;

    private async Task ListAsync(string workflowId, bool deeper, CancellationToken stop)
    {
        try
        {
            List<RunWire> rows = await client.GetRawRunPageAsync(workflowId, deeper ? SecondPageSize : FirstPageSize, deeper ? FirstPageSize : 0, stop).ConfigureAwait(false);
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

    private async Task FillFromLogsAsync(List<ComfyRun> runs, CancellationToken stop)
    {
        using SemaphoreSlim slots = new(ParallelLogs);
        await Task.WhenAll(runs.Select(async run =>
        {
            await slots.WaitAsync(stop).ConfigureAwait(false);
            try
            {
                IReadOnlyList<string> lines = await client.GetLogAsync(run.RunId!, stop).ConfigureAwait(false);
                string? line = lines.LastOrDefault(text => text.Contains("Error") || text.Contains("Exception")) ?? lines.LastOrDefault();
                run.Error = line?.Trim();
            }
            catch (ComfyDeployException e)
            {
                log.Verbose($"The log of run {run.RunId} could not be read: {e.Message}");
            }
            finally
            {
                slots.Release();
            }
        })).ConfigureAwait(false);
        // Only now: the logs are read on many threads.
        foreach (ComfyRun run in runs)
        {
            if (run.Error is not null) _known[run.RunId!] = run.Error;
        }
    }

    /// <summary>The sentence in an error output: what ComfyUI's node raised, or why the prompt was refused.</summary>
    internal static string? Reason(string? outputs)
    {
        if (outputs is null) return null;
        using JsonDocument document = JsonDocument.Parse(outputs);
        if (document.RootElement.ValueKind != JsonValueKind.Array) return null;
        foreach (JsonElement row in document.RootElement.EnumerateArray())
        {
            if (row.ValueKind != JsonValueKind.Object || !row.TryGetProperty("data", out JsonElement data) || data.ValueKind != JsonValueKind.Object) continue;
            if (Text(data, "exception_message") is { } message) return Join(Text(data, "node_type"), message);
            if (!data.TryGetProperty("error", out JsonElement error)) continue;
            if (error.ValueKind == JsonValueKind.String) return error.GetString();
            if (error.ValueKind == JsonValueKind.Object) return Join(Text(error, "message") ?? Text(error, "type"), Text(error, "details"));
        }
        return null;
    }

    private static string? Join(string? subject, string? message) =>
        string.IsNullOrWhiteSpace(subject) ? message?.Trim() : string.IsNullOrWhiteSpace(message) ? subject : $"{subject}: {message!.Trim()}";

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
}
