using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>What went wrong in a wait: one error of each kind for the whole set.</summary>
internal static class WaitReport
{
    private const int MaxNamed = 5;

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
    /// <param name="wait">The wait.</param>
    /// <param name="rows">The place in the input, from 1, of rows that were not queued.</param>
    internal static (ComfyDeployException Error, ComfyRun[]? Target)? Failure(RunWait wait, IReadOnlyDictionary<ComfyRun, int> rows)
    {
        if (wait.Received == 0) return (new(ErrorIds.NoRuns, "No runs were received, so nothing succeeded."), null);
        ComfyRun[] failed = wait.HasEnough ? [.. wait.Unsuccessful] : [.. wait.Unsuccessful, .. wait.Late.Select(late => late.Run!)];
        int count = wait.HasEnough ? failed.Length : failed.Length + wait.Lost.Count + wait.Refused;
        if (count == 0) return null;
        string[] reasons = [.. failed.Take(MaxNamed).Select(run => Describe(run, rows.TryGetValue(run, out int row) ? row : null))];
        string more = count > reasons.Length && reasons.Length > 0 ? $"; and {count - reasons.Length} more" : string.Empty;
        string all = reasons.Length > 0 ? $": {string.Join("; ", reasons)}{more}" : ".";
        return (new(ErrorIds.RunFailed, $"{count} of {Plural.Of(wait.Received, "run")} did not succeed{all}"), failed);
    }

    /// <summary>Such as <c>a07 (b888f774-…) failed: CUDA out of memory</c>, or <c>row 3 (a09) was not queued: …</c>.</summary>
    private static string Describe(ComfyRun run, int? row)
    {
        string name = run.RunId is not null ? RunName.Of(run) : row is { } place ? $"row {RunName.Row(place, run.Label)}" : "a row";
        string outcome = run.Status switch
        {
            RunStatus.Failed => "failed",
            RunStatus.Cancelled => "was cancelled",
            RunStatus.Timeout => "timed out",
            RunStatus.NotQueued => run.IsUnconfirmed ? "may have been queued" : "was not queued",
            _ when !run.IsFinished => $"is not finished ({SafeText.Clean(run.Status)})",
            _ => $"ended as {SafeText.Clean(run.Status)}",
        };
        // Another one may follow.
        return $"{name} {outcome}{(run.Error is null ? string.Empty : $": {SafeText.Clean(run.Error).TrimEnd('.')}")}";
    }

    private static ComfyDeployException Timeout(RunWait wait)
    {
        WaitOutcome[] running = [.. wait.Late.Where(late => late.IsRunning)];
        string outcome = running.Length switch
        {
            0 => $"Cancelled: {Few(wait.Late)}.",
            // Each is named: nothing else ends them.
            _ when wait.Options.CancelLate => $"Still running and still billed: {Names(running)}.",
            // Each command ends its line, to be copied. A view may join the lines: with a semicolon the command stays one.
            _ => $"Still running and still billed: {Few(running)}.\nTo stop {(running.Length == 1 ? "it" : "them")}: "
                + $"{Line("Stop-ComfyRun")};\nto continue to wait: {Line("Wait-ComfyRun")}",
        };
        string count = $"{wait.Late.Count} of {Plural.Of(wait.Received, "run")}";
        ComfyDeployException? failure = wait.Late.Select(late => late.Error).FirstOrDefault(error => error is not null);
        string more = failure is null ? string.Empty : $"The last failure: {SafeText.Sentence(failure.Message)} ";
        string limit = DurationText.Of(wait.Options.Timeout);
        return new(ErrorIds.WaitTimeout, $"{count} did not finish within {limit}. {more}{outcome}", failure);

        string Line(string command) =>
            ResumeLine.For(command, [.. running.Select(late => late.Target)], wait.Received, isLastError: wait.Lost.Count == 0);
    }

    private static string Names(IEnumerable<WaitOutcome> runs) => string.Join(", ", runs.Select(run => run.Target.Name));

    /// <summary>The first runs by their labels; all of them are the target of the error.</summary>
    private static string Few(IReadOnlyList<WaitOutcome> runs) =>
        string.Join(", ", runs.Take(MaxNamed).Select(late => RunName.LabelOrId(late.Run!)))
            + (runs.Count > MaxNamed ? $" and {runs.Count - MaxNamed} more" : string.Empty);

    private static ComfyDeployException Lost(string errorId, WaitOutcome[] runs, bool cancelLate)
    {
        string runIds = Names(runs);
        WaitOutcome[] running = [.. runs.Where(run => run.IsRunning)];
        string what = errorId switch
        {
            ErrorIds.RunNotFound => $"Not found on connection '{runs[0].Target.Client.Session.Connection.Name}': {runIds}.",
            _ when running.Length == 0 && runs.All(run => run.Run is { IsFinished: true }) => $"Cancelled: {runIds}.",
            _ when running.Length == 0 => $"Cancelled, but not read since: {runIds}.",
            _ when cancelLate => $"Could no longer be read: {runIds}. Maybe still running and still billed: "
                + $"{Names(running)}.",
            _ => $"Could no longer be read; may still be running: {runIds}.",
        };
        bool mayGoOn = errorId == ErrorIds.PollFailed && running.Length > 0;
        ComfyConnection connection = runs[0].Target.Client.Session.Connection;
        string more = mayGoOn ? $" To wait again later: {ResumeLine.ByIds("Wait-ComfyRun", RunIds(running), connection)}" : string.Empty;
        ComfyDeployException? cause = runs[0].Error;
        return new(errorId, $"{what} {cause?.Message}".TrimEnd() + more, cause) { StatusCode = cause?.StatusCode };
    }
}
