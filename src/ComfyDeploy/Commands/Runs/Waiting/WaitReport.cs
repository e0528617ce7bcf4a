using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>What went wrong in a wait: one error of each kind for the whole set.</summary>
internal static class WaitReport
{
    private const int MaxReasons = 5;

    /// <summary>The runs that were late, then those that could no longer be read.</summary>
    internal static IEnumerable<(ComfyDeployException Error, object Target)> Errors(RunWait wait)
    {
        // Once enough runs have finished, the others may go on; one that was cancelled is named all the same.
        if (wait.Late.Count > 0 && (!wait.HasEnough || wait.Options.CancelLate))
            yield return (Timeout(wait), wait.Late.Select(late => late.Run!).ToArray());
        foreach (IGrouping<string, WaitOutcome> kind in wait.Lost.GroupBy(IdOf))
        {
            yield return (Lost(kind.Key, [.. kind], wait.Options.CancelLate), RunIds(kind));
        }
    }

    private static string IdOf(WaitOutcome lost) => lost switch
    {
        { End: WaitEnd.NotFound } => ErrorIds.RunNotFound,
        { Error.ErrorId: ErrorIds.NotConnected } => ErrorIds.NotConnected,
        { Error.StatusCode: 401 or 403 } => ErrorIds.ApiKeyRejected,
        _ => ErrorIds.PollFailed,
    };

    private static string[] RunIds(IEnumerable<WaitOutcome> outcomes) => [.. outcomes.Select(outcome => outcome.Target.RunId)];

    /// <summary>The error that -ThrowOnFailure ends with; null when every run succeeded.</summary>
    internal static (ComfyDeployException Error, ComfyRun[]? Target)? Failure(RunWait wait)
    {
        if (wait.Received == 0) return (new(ErrorIds.NoRuns, "No runs were received, so nothing succeeded."), null);
        ComfyRun[] failed = wait.HasEnough ? [.. wait.Unsuccessful] : [.. wait.Unsuccessful, .. wait.Late.Select(late => late.Run!)];
        int count = wait.HasEnough ? failed.Length : failed.Length + wait.Lost.Count + wait.Refused;
        if (count == 0) return null;
        string more = failed.Length > MaxReasons ? "; …" : string.Empty;
        string reasons = string.Join("; ", failed.Take(MaxReasons).Select(Describe)) + more;
        return (new(ErrorIds.RunFailed, $"{count} of {Plural.Of(wait.Received, "run")} did not succeed: {reasons}"), failed);
    }

    private static string Describe(ComfyRun run) =>
        $"{run} {SafeText.Clean(run.Status)}{(run.Error is null ? string.Empty : $" ({SafeText.Clean(run.Error)})")}";

    private static ComfyDeployException Timeout(RunWait wait)
    {
        string[] running = RunIds(wait.Late.Where(late => late.IsRunning));
        string outcome = running.Length switch
        {
            0 => $"Cancelled: {string.Join(", ", RunIds(wait.Late))}.",
            _ when wait.Options.CancelLate => $"Still running and still billed: {string.Join(", ", running)}.",
            _ => "The unfinished runs continue and are billed. " +
                $"To stop them: {Pipe(running, "Stop-ComfyRun")}. To continue to wait: {Pipe(running, "Wait-ComfyRun")}.",
        };
        string count = $"{wait.Late.Count} of {Plural.Of(wait.Received, "run")}";
        ComfyDeployException? failure = wait.Late.Select(late => late.Error).FirstOrDefault(error => error is not null);
        string more = failure is null ? string.Empty : $" The last failure: {failure.Message}";
        return new(ErrorIds.WaitTimeout, $"{count} did not finish within {wait.Options.Timeout:g}. {outcome}{more}", failure);
    }

    private static ComfyDeployException Lost(string errorId, WaitOutcome[] runs, bool cancelLate)
    {
        string runIds = string.Join(", ", RunIds(runs));
        string[] running = RunIds(runs.Where(run => run.IsRunning));
        string what = errorId switch
        {
            ErrorIds.RunNotFound => $"Not found on connection '{runs[0].Target.Client.Session.Connection.Name}': {runIds}.",
            _ when running.Length == 0 && runs.All(run => run.Run is { IsFinished: true }) => $"Cancelled: {runIds}.",
            _ when running.Length == 0 => $"Cancelled, but not read since: {runIds}.",
            _ when cancelLate => $"Could no longer be read: {runIds}. Maybe still running and still billed: {string.Join(", ", running)}.",
            _ => $"Could no longer be read; may still be running: {runIds}.",
        };
        bool mayGoOn = errorId == ErrorIds.PollFailed && running.Length > 0;
        string more = mayGoOn ? $" To wait again later: {Pipe(running, "Wait-ComfyRun")}" : string.Empty;
        ComfyDeployException? cause = runs[0].Error;
        return new(errorId, $"{what} {cause?.Message}".TrimEnd() + more, cause) { StatusCode = cause?.StatusCode };
    }

    private static string Pipe(string[] runIds, string command) => $"{string.Join(",", runIds.Select(id => $"'{id}'"))} | {command}";
}
