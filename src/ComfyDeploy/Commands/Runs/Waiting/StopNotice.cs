using System.Collections.Concurrent;
using System.Management.Automation.Host;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>
/// What somebody who ends a wait with Ctrl+C must know: the runs continue, and how to get back to them. No stream takes anything then, but
/// the host does.
/// </summary>
internal sealed class StopNotice
{
    private const string NonInteractive = "noninteractive";
    private const int ShortestSwitch = 4;

    private readonly ConcurrentDictionary<ApiSession, bool> _sessions = new();
    private bool _isWritten;

    /// <summary>Takes note of where runs are; called on any thread.</summary>
    internal void Add(ApiSession session) => _sessions.TryAdd(session, true);

    /// <summary>Says once which runs continue.</summary>
    /// <returns>False where there are none, or nobody reads it.</returns>
    internal bool Write(PSHost host, IReadOnlyList<string> ids)
    {
        if (_isWritten || ids.Count == 0 || !IsRead(host)) return _isWritten;
        _isWritten = true;
        ApiSession[] sessions = [.. _sessions.Keys];
        ComfyConnection? connection = sessions.Length == 1 ? sessions[0].Connection : null;
        string[] lines = Lines(ids, sessions.SelectMany(session => session.KnownRuns.Started), connection);
        foreach (string line in lines) host.UI.WriteWarningLine(line);
        return true;
    }

    /// <summary>Whether somebody sits in front of the host.</summary>
    private static bool IsRead(PSHost host) => host.Name switch
    {
        "ConsoleHost" => !Console.IsInputRedirected && !Console.IsOutputRedirected
            && !Environment.GetCommandLineArgs().Any(IsNonInteractive),
        // A job, or the other end of a remote session.
        "ServerRemoteHost" => false,
        _ => host.UI?.RawUI is not null,
    };

    /// <param name="ids">The runs that continue.</param>
    /// <param name="started">The runs that this process has queued.</param>
    /// <param name="connection">Their connection; null for several.</param>
    internal static string[] Lines(IReadOnlyList<string> ids, IEnumerable<string> started, ComfyConnection? connection)
    {
        string what = ids.Count == 1 ? "1 run continues and is billed." : $"{Plural.Of(ids.Count, "run")} continue and are billed.";
        string them = ids.Count == 1 ? "it" : "them";
        // Each command is on a line of its own, which fits 80 columns, to be copied.
        return Source() is { } line
            ? [what, $"To continue to wait: {line("Wait-ComfyRun")}", $"To stop {them}: {line("Stop-ComfyRun")}"]
            : [what, "To continue to wait, pipe the same runs to Wait-ComfyRun.", $"To stop {them}, pipe the same runs to Stop-ComfyRun."];

        Func<string, string>? Source() => connection switch
        {
            not null when ResumeLine.AreOf(started, ids) => command => ResumeLine.BySession(command, connection),
            not null when ids.Count <= ResumeLine.MaxIds => command => ResumeLine.ByIds(command, ids, connection),
            _ => null,
        };
    }

    private static bool IsNonInteractive(string argument) =>
        argument is ['-' or '/', ..] && argument.TrimStart('-', '/') is { Length: >= ShortestSwitch } name
            && NonInteractive.StartsWith(name, StringComparison.OrdinalIgnoreCase);
}
