using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Stops one run and tells what became of it. The service answers 200 for finished runs too, so that each is read before it is cancelled.</summary>
/// <param name="client">The account.</param>
/// <param name="log">Hears of looks that failed.</param>
/// <param name="waitUntil">Until when to wait for the end, UTC; null for not at all.</param>
internal sealed class RunStop(ComfyDeployClient client, ICallLog log, DateTime? waitUntil)
{
    private static readonly TimeSpan LookPause = TimeSpan.FromSeconds(1);

    internal async Task<StopOutcome> RunAsync(string runId, RunOrigin? origin, CancellationToken stop)
    {
        ComfyStopResult result = new() { RunId = runId, DeploymentName = origin?.DeploymentName, Connection = client.Session.Connection };
        ComfyRun? run = null;
        try
        {
            run = await client.GetRunAsync(runId, stop).ConfigureAwait(false);
            result.DeploymentName ??= run.DeploymentName;
            (result.Was, result.Status) = (run.Status, run.Status);
            if (run.IsFinished) return Decide(result, "AlreadyFinished", null);
            await client.CancelRunAsync(runId, stop).ConfigureAwait(false);
            result.Status = RunStatus.Cancelled;
            return waitUntil is null ? Decide(result, RunStatusWord(result), null) : await WaitAsync(result, stop).ConfigureAwait(false);
        }
        catch (ComfyDeployException e) when (e.ErrorId == ErrorIds.RunNotFound && run is not null)
        {
            // It was there a moment ago: the service says "not found" for a run without a call it could cancel, and for one another user made.
            string why = run.FunctionCallId is null ? "no function call recorded for this run" : $"only who made it can, {SafeText.Clean(run.OrgId ?? run.UserId)}";
            return Decide(result, "NotCancellable", new(ErrorIds.RunNotCancellable, $"Run {runId} is {SafeText.Clean(result.Was)} and cannot be cancelled: {why}.", e) { StatusCode = e.StatusCode }, why);
        }
        catch (ComfyDeployException e) when (e.ErrorId == ErrorIds.RunNotFound)
        {
            string message = $"There is no run {runId} on connection '{client.Session.Connection.Name}'. {e.Message}";
            return Decide(result, "NotFound", new(e.ErrorId, message, e) { StatusCode = e.StatusCode }, e.Message);
        }
        catch (ComfyDeployException e)
        {
            return Decide(result, "Failed", e, e.Message);
        }
    }

    private static string RunStatusWord(ComfyStopResult result) => result.Status == RunStatus.Cancelled ? "Cancelled" : "AlreadyFinished";

    private async Task<StopOutcome> WaitAsync(ComfyStopResult result, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                ComfyRun run = await client.GetRunAsync(result.RunId, stop).ConfigureAwait(false);
                result.Status = run.Status;
                if (run.IsFinished) return Decide(result, RunStatusWord(result), null);
            }
            catch (ComfyDeployException e)
            {
                log.Verbose($"Looking at run {result.RunId} failed: {e.Message}");
            }
            if (client.Session.Clock.Now + LookPause > waitUntil)
            {
                return Decide(result, "StillRunning", new(ErrorIds.WaitTimeout, $"Run {result.RunId} was cancelled and is still {SafeText.Clean(result.Status)}."), "cancelled, but not ended in time");
            }
            await client.Session.Clock.DelayAsync(LookPause, stop).ConfigureAwait(false);
        }
    }

    private static StopOutcome Decide(ComfyStopResult result, string outcome, ComfyDeployException? error, string? message = null)
    {
        (result.Outcome, result.Message) = (outcome, message);
        return new(result, error);
    }
}

/// <summary>What became of a run, and the error it is worth.</summary>
internal sealed record StopOutcome(ComfyStopResult Result, ComfyDeployException? Error);
