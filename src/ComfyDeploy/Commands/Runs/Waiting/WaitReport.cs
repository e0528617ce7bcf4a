using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>What went wrong in a wait: one error of each kind for the whole set.</summary>
internal static class WaitReport
{
    private const int MaxReasons = 5;

    /// <summary>The runs that were late, then those that could no longer be read.</summary>
    internal static IEnumerable<(ComfyDeployException Error, object Target)> Errors(RunWait wait, bool stopOnTimeout)
    {
        if (wait.Late.Count > 0) yield return (Timeout(wait, stopOnTimeout), wait.Late.Select(late => late.Run).ToArray());
        foreach (IGrouping<WaitEnd, WaitOutcome> kind in wait.Lost.GroupBy(outcome => outcome.End))
        {
            string[] runIds = [.. kind.Select(outcome => outcome.Target.RunId)];
            yield return (kind.Key == WaitEnd.NotFound ? NotFound(kind.First(), runIds) : PollFailed(kind.First(), runIds), runIds);
        }
    }

    /// <summary>The error that -ThrowOnFailure ends with; null when every run succeeded.</summary>
    internal static (ComfyDeployException Error, ComfyRun[]? Target)? Failure(RunWait wait)
    {
        if (wait.Received == 0) return (new(ErrorIds.NoRuns, "No runs were received, so nothing succeeded."), null);
        ComfyRun[] failed = wait.HasEnough ? [.. wait.Unsuccessful] : [.. wait.Unsuccessful, .. wait.Late.Select(late => late.Run)];
        int count = wait.HasEnough ? failed.Length : failed.Length + wait.Lost.Count + wait.Refused;
        if (count == 0) return null;
        string more = failed.Length > MaxReasons ? "; …" : string.Empty;
        string reasons = string.Join("; ", failed.Take(MaxReasons).Select(Describe)) + more;
        return (new(ErrorIds.RunFailed, $"{count} of {Plural.Of(wait.Received, "run")} did not succeed: {reasons}"), failed);
    }

    private static string Describe(ComfyRun run) =>
        $"{run} {SafeText.Clean(run.Status)}{(run.Error is null ? string.Empty : $" ({SafeText.Clean(run.Error)})")}";

    private static ComfyDeployException Timeout(RunWait wait, bool stopOnTimeout)
    {
        string[] running = [.. wait.Late.Where(late => late.IsRunning).Select(late => late.Target.RunId)];
        string outcome = running.Length switch
        {
            0 => $"Cancelled: {string.Join(", ", wait.Late.Select(late => late.Target.RunId))}.",
            _ when stopOnTimeout => $"Still running and still billed: {string.Join(", ", running)}.",
            _ => "The unfinished runs continue and are billed. " +
                $"To stop them: {Pipe(running, "Stop-ComfyRun")}. To continue to wait: {Pipe(running, "Wait-ComfyRun")}.",
        };
        string message = $"{wait.Late.Count} of {Plural.Of(wait.Received, "run")} did not finish within {wait.Timeout:g}. {outcome}";
        return new(ErrorIds.WaitTimeout, message);
    }

    private static ComfyDeployException NotFound(WaitOutcome first, string[] runIds)
    {
        string connection = first.Target.Client.Session.Connection.Name;
        return new(ErrorIds.RunNotFound, $"Not found on connection '{connection}': {string.Join(", ", runIds)}. {first.Error?.Message}",
            first.Error);
    }

    private static ComfyDeployException PollFailed(WaitOutcome first, string[] runIds) => new(
        ErrorIds.PollFailed,
        $"Could no longer be read; may still be running: {string.Join(", ", runIds)}. {first.Error?.Message} " +
            $"To wait again later: {Pipe(runIds, "Wait-ComfyRun")}",
        first.Error);

    private static string Pipe(string[] runIds, string command) => $"{string.Join(",", runIds.Select(id => $"'{id}'"))} | {command}";
}
