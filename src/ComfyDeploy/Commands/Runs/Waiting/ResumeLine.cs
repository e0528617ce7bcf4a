using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>The lines to paste that stop unfinished runs, or continue to wait for them.</summary>
internal static class ResumeLine
{
    internal const int MaxIds = 5;
    private const string OfThisSession = "Get-ComfyRun -ThisSession -Active";

    /// <summary>The line for runs that an error has as its target.</summary>
    /// <param name="command">The command that takes the runs.</param>
    /// <param name="runs">The runs.</param>
    /// <param name="received">How many runs came in; if this session has started more, not all of its runs are meant.</param>
    /// <param name="isLastError">Whether no other error about runs follows.</param>
    internal static string For(string command, IReadOnlyList<WaitTarget> runs, int received, bool isLastError)
    {
        ComfyConnection[] connections = [.. runs.Select(run => run.Client.Session.Connection).Distinct()];
        string[] ids = [.. runs.Select(run => run.RunId)];
        KnownRuns known = runs[0].Client.Session.KnownRuns;
        bool isOne = connections.Length == 1;
        if (isOne && ids.Length <= MaxIds) return ByIds(command, ids, connections[0]);
        if (isOne && known.Started is var started && started.Count <= received && AreOf(started, ids))
            return BySession(command, connections[0]);
        return isLastError ? $"$Error[0].TargetObject | {command}" : ByIds(command, ids, isOne ? connections[0] : null);
    }

    internal static string ByIds(string command, IEnumerable<string> ids, ComfyConnection? connection = null) =>
        $"{string.Join(",", ids.Select(id => $"'{id}'"))} | {command}{Option(connection)}";

    internal static string BySession(string command, ComfyConnection connection) => $"{OfThisSession}{Option(connection)} | {command}";

    /// <summary>Whether this process has queued all of these runs.</summary>
    internal static bool AreOf(IEnumerable<string> started, IEnumerable<string> ids) =>
        new HashSet<string>(started, StringComparer.OrdinalIgnoreCase).IsSupersetOf(ids);

    /// <summary>Names a connection that is not the default.</summary>
    private static string Option(ComfyConnection? connection) =>
        connection is null || ConnectionStore.Default == connection || ConnectionStore.Find(connection.Name) != connection ? string.Empty
            : $" -Connection '{connection.Name.Replace("'", "''")}'";
}
