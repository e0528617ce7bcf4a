namespace ComfyDeploy.Client;

/// <summary>One look at the list of a workflow.</summary>
/// <param name="At">When it was complete, UTC.</param>
/// <param name="Took">How long it took.</param>
/// <param name="Rows">The runs by ID.</param>
/// <param name="Depth">How many rows it takes to find them all.</param>
/// <param name="Failure">Why it is not complete.</param>
internal sealed record RunListLook(
    DateTime At, TimeSpan Took, IReadOnlyDictionary<string, ComfyRun> Rows, int Depth, ComfyDeployException? Failure)
{
    private const int MinRows = 100;
    private const int MaxRows = 1_000;
    private const int MaxFurtherPages = 3;
    // All runs wait for it, and no answer for longer would be taken for an outage.
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(9);
    private static readonly TimeSpan MinPause = TimeSpan.FromSeconds(1);
    // The service loses the seconds of some dates, and clocks differ.
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(5);
    private static readonly DateTime EarliestRun = new(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>How long the list is left alone: the longer it takes, the less often it is read.</summary>
    internal TimeSpan Pause => Took + Took + Took is var pause && pause > MinPause ? pause : MinPause;

    internal ComfyRun? Find(string runId) => Rows.TryGetValue(runId, out ComfyRun? row) ? row : null;

    /// <summary>Reads the list back to the oldest run that is waited for.</summary>
    /// <param name="workflowId">The workflow.</param>
    /// <param name="leader">Whose connection is used, until its limit.</param>
    /// <param name="runs">The runs to find.</param>
    /// <param name="depth">Where they were the last time.</param>
    /// <param name="readsHistory">Whether to read older runs, too.</param>
    internal static async Task<RunListLook> ReadAsync(
        string workflowId, PolledRun leader, IReadOnlyList<PolledRun> runs, int depth, bool readsHistory)
    {
        string request = $"GET /v2/workflow/{workflowId}/runs";
        ComfyDeployClient client = leader.Target.Client;
        ApiSession session = client.Session;
        DateTime began = session.Clock.Now;
        Dictionary<string, ComfyRun> rows = new(StringComparer.OrdinalIgnoreCase);
        CancellationToken limit = leader.Limit;
        using ClockLimit time = new(session.Clock, MaxTime, limit);
        ComfyDeployException? failure = null;
        try
        {
            DateTime? since = readsHistory || runs.Any(run => !(run.CreatedAt > EarliestRun)) ? null
                : runs.Min(run => run.CreatedAt) - ClockTolerance;
            int expected = Math.Max(depth, runs.Count);
            int size = Math.Min(Math.Max(expected + (expected / 8) + 10, MinRows), MaxRows);
            int maxPages = MaxFurtherPages + (expected / MaxRows);
            RunQuery query = new(workflowId, null, null, since, size);
            HashSet<string> missing = new(runs.Select(run => run.Target.RunId), StringComparer.OrdinalIgnoreCase);
            int offset = 0;
            for (int page = 0; page < maxPages; page++)
            {
                (List<ComfyRun>? found, failure) = await leader.Service.AskAsync(
                    request, () => client.GetRunRowsAsync(query with { PageSize = size }, offset, time.Token), time.Token)
                    .ConfigureAwait(false);
                if (found is null) break;
                foreach (ComfyRun row in found)
                {
                    offset++;
                    if (row.RunId is null) continue;
                    rows[row.RunId] = row;
                    if (missing.Remove(row.RunId)) depth = offset;
                }
                if (found.Count < size || missing.Count == 0) break;
                // They are further back than anyone could know.
                size = MaxRows;
            }
        }
        catch (OperationCanceledException) when (!limit.IsCancellationRequested)
        {
            failure = Errors.RequestTimeout(request, MaxTime);
        }
        return new(session.Clock.Now, session.Clock.Now - began, rows, depth, failure);
    }
}
