namespace ComfyDeploy.Client;

/// <summary>One look at the list of a workflow.</summary>
/// <param name="At">When it was complete, UTC.</param>
/// <param name="Rows">The runs by ID.</param>
/// <param name="Depth">How many rows it takes to find them all.</param>
/// <param name="Failure">Why it is not complete.</param>
internal sealed record RunListLook(DateTime At, IReadOnlyDictionary<string, ComfyRun> Rows, int Depth, ComfyDeployException? Failure)
{
    private const int MinRows = 100;
    private const int MaxRows = 1_000;
    private const int MaxFurtherPages = 3;
    // All runs wait for it.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);
    // The service loses the seconds of some dates, and clocks differ.
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(5);

    internal ComfyRun? Find(string runId) => Rows.TryGetValue(runId, out ComfyRun? row) ? row : null;

    /// <summary>Reads the list back to the oldest run that is waited for.</summary>
    /// <param name="leader">Whose connection is used, until its limit.</param>
    /// <param name="runs">The runs to find.</param>
    /// <param name="depth">Where they were the last time.</param>
    /// <param name="readsHistory">Whether to read older runs, too.</param>
    internal static async Task<RunListLook> ReadAsync(PolledRun leader, PolledRun[] runs, int depth, bool readsHistory)
    {
        ApiSession session = leader.Target.Client.Session;
        TimeSpan given = session.Connection.RequestTimeout;
        ComfyDeployClient client = new(session, leader.Log) { MaxRetries = 0, RequestTimeout = given < Timeout ? given : Timeout };
        string workflowId = leader.Last!.WorkflowId!;
        PolledRun[] listed = [.. runs.Where(run => !run.IsUnlisted)];
        bool readsAll = readsHistory || listed.Any(run => run.CreatedAt is null);
        DateTime? since = readsAll ? null : listed.Min(run => run.CreatedAt) - ClockTolerance;
        int expected = Math.Max(depth, listed.Length);
        int size = Math.Min(Math.Max(expected + (expected / 8) + 10, MinRows), MaxRows);
        int maxPages = MaxFurtherPages + (expected / MaxRows);
        HashSet<string> missing = new(listed.Select(run => run.Target.RunId), StringComparer.OrdinalIgnoreCase);
        Dictionary<string, ComfyRun> rows = new(StringComparer.OrdinalIgnoreCase);
        int offset = 0;
        for (int page = 0; page < maxPages; page++)
        {
            (IReadOnlyList<ComfyRun>? found, ComfyDeployException? failure) = await leader.Service.AskAsync(
                $"GET /v2/workflow/{workflowId}/runs",
                () => client.GetRunRowsAsync(workflowId, since, size, offset, leader.Limit), leader.Limit).ConfigureAwait(false);
            if (found is null) return new(session.Clock.Now, rows, depth, failure);
            foreach (ComfyRun row in found)
            {
                offset++;
                if (row.RunId is null) continue;
                rows[row.RunId] = row;
                if (missing.Remove(row.RunId)) depth = offset;
            }
            if (found.Count < size || missing.Count == 0) break;
        }
        return new(session.Clock.Now, rows, depth, null);
    }
}
