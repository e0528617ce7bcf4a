using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Stops one run and reports the outcome. The service answers 200 for finished runs too, so each is read first.</summary>
/// <param name="client">The account.</param>
/// <param name="log">Receives failed reads.</param>
/// <param name="waitUntil">Until when to wait for the end, UTC; null to not wait.</param>
internal sealed class RunStop(ComfyDeployClient client, ICallLog log, DateTime? waitUntil)
{
    private static readonly TimeSpan PollPause = TimeSpan.FromSeconds(1);

    internal async Task<StopOutcome> RunAsync(string runId, RunOrigin? origin, CancellationToken cancellationToken)
    {
        ComfyStopResult result = new() { RunId = runId, DeploymentName = origin?.DeploymentName, Connection = client.Session.Connection };
        ComfyRun? run = null;
        try
        {
            run = await client.GetRunAsync(runId, cancellationToken).ConfigureAwait(false);
            result.DeploymentName ??= run.DeploymentName;
            result.Was = run.Status;
            result.Status = run.Status;
            if (run.IsFinished) return Decide(result, "AlreadyFinished", null);
            await client.CancelRunAsync(runId, cancellationToken).ConfigureAwait(false);
            result.Status = RunStatus.Cancelled;
            if (waitUntil is null) return Decide(result, "Cancelled", null);
            return await WaitAsync(result, cancellationToken).ConfigureAwait(false);
        }
        catch (ComfyDeployException e) when (e.ErrorId == ErrorIds.RunNotFound && run is not null)
        {
            // It exists: the service also answers "not found" for a run without a function call, and for one that another user made.
            string reason = run.FunctionCallId is null
                ? "no function call recorded for this run"
                : $"only the user who made it can, {SafeText.Clean(run.OrgId ?? run.UserId)}";
            return Decide(result, "NotCancellable", Errors.RunNotCancellable(runId, result.Was, reason, e), reason);
        }
        catch (ComfyDeployException e) when (e.ErrorId == ErrorIds.RunNotFound)
        {
            return Decide(result, "NotFound", Errors.RunNotFound(runId, client.Session.Connection.Name, e), e.Message);
        }
        catch (ComfyDeployException e)
        {
            return Decide(result, "Failed", e, e.Message);
        }
    }

    private static string RunStatusWord(ComfyStopResult result) => result.Status == RunStatus.Cancelled ? "Cancelled" : "AlreadyFinished";

    private async Task<StopOutcome> WaitAsync(ComfyStopResult result, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                ComfyRun run = await client.GetRunAsync(result.RunId, cancellationToken).ConfigureAwait(false);
                result.Status = run.Status;
                if (run.IsFinished) return Decide(result, RunStatusWord(result), null);
            }
            catch (ComfyDeployException e)
            {
                log.Verbose($"Run {result.RunId} could not be read: {e.Message}");
            }
            if (client.Session.Clock.Now + PollPause > waitUntil)
            {
                ComfyDeployException error = Errors.StillRunning(result.RunId, result.Status);
                return Decide(result, "StillRunning", error, "cancelled, but still running at the timeout");
            }
            await client.Session.Clock.DelayAsync(PollPause, cancellationToken).ConfigureAwait(false);
        }
    }

    private static StopOutcome Decide(ComfyStopResult result, string outcome, ComfyDeployException? error, string? message = null)
    {
        result.Outcome = outcome;
        result.Message = message;
        return new(result, error);
    }
}

/// <summary>The outcome for a run, and the error to report.</summary>
internal sealed record StopOutcome(ComfyStopResult Result, ComfyDeployException? Error);
