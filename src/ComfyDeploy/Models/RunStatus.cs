namespace ComfyDeploy;

/// <summary>
/// The service's status words. The set is open: an unknown status is kept as is and is not finished while the run has no end.
/// </summary>
internal static class RunStatus
{
    internal const string NotStarted = "not-started";
    internal const string Queued = "queued";
    internal const string Success = "success";
    internal const string Failed = "failed";
    internal const string Timeout = "timeout";
    internal const string Cancelled = "cancelled";

    /// <summary>Never set by the service: a row that could not be queued.</summary>
    internal const string NotQueued = "not-queued";

    internal static readonly string[] All =
        [NotStarted, Queued, "started", "running", "uploading", Success, Failed, Timeout, Cancelled];

    private static readonly HashSet<string> Terminal = [Success, Failed, Timeout, Cancelled, NotQueued];

    private static readonly Dictionary<string, string> Synonyms = new(StringComparer.OrdinalIgnoreCase)
    {
        ["NotStarted"] = NotStarted,
        ["NotQueued"] = NotQueued,
        ["canceled"] = Cancelled,
        ["succeeded"] = Success,
        ["error"] = Failed,
    };

    /// <summary>Whether the run is finished. A known status decides: a timeout computed by the service has no end.</summary>
    internal static bool IsFinished(string? status, DateTime? endedAt) =>
        status is not null && (Terminal.Contains(status) || (endedAt is not null && !All.Contains(status)));

    /// <summary>The service's spelling of a status a user typed.</summary>
    internal static string Normalize(string word) =>
        Synonyms.TryGetValue(word, out string? status) ? status : word.ToLowerInvariant();
}
