using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>
/// Stops one run and reports the outcome. The service answers 200 for finished runs too, so each is read first; one that cannot be read is
/// cancelled all the same, because it may bill.
/// </summary>
/// <param name="client">The account.</param>
/// <param name="runId">The run.</param>
/// <param name="origin">What the caller knows of it.</param>
/// <param name="log">Receives failed reads.</param>
/// <param name="waitUntil">Until when to wait for the end, UTC; null to not wait.</param>
internal sealed class RunStop(ComfyDeployClient client, string runId, RunOrigin? origin, ICallLog log, DateTime? waitUntil)
{
    private static readonly TimeSpan PollPause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan PollTimeout = TimeSpan.FromSeconds(10);

    // After the cancel nothing is lost by a read that fails.
    private readonly ComfyDeployClient _poller = new(client.Session, log)
    {
        MaxRetries = 0,
        RequestTimeout = client.Session.Connection.RequestTimeout is var own && own < PollTimeout ? own : PollTimeout,
    };

    private string Name => client.NameOf(runId, origin);

    internal async Task<StopOutcome> RunAsync(CancellationToken cancellationToken)
    {
        ComfyStopResult result = new() { RunId = runId, DeploymentName = origin?.DeploymentName, Connection = client.Session.Connection };
        ComfyRun? run = null;
        ComfyDeployException? unread = null;
        try
        {
            run = await client.GetRunAsync(runId, cancellationToken).ConfigureAwait(false);
            result.DeploymentName ??= run.DeploymentName;
            result.Was = run.Status;
            result.Status = run.Status;
            if (!run.IsActive) return Decide(result, "AlreadyFinished", null);
            if (!RunStatus.All.Contains(run.Status)) unread = Errors.UnknownStatus(Name, run.Status);
        }
        catch (ComfyDeployException e) when (RunAbsence.IsStatedBy(e))
        {
            return NotFound(result, e);
        }
        catch (ComfyDeployException e) when (e.ErrorId == ErrorIds.NotConnected)
        {
            return Decide(result, "Failed", e, e.Message);
        }
        // Also what a gateway refuses: the cancel may pass, and if the key is rejected, its answer says so.
        catch (ComfyDeployException e)
        {
            log.Verbose($"Run {Name} could not be read and is cancelled all the same: {e.Message}");
            unread = e;
        }
        return await CancelAsync(result, run, unread, cancellationToken).ConfigureAwait(false);
    }

    private async Task<StopOutcome> CancelAsync(
        ComfyStopResult result, ComfyRun? run, ComfyDeployException? unread, CancellationToken cancellationToken)
    {
        try
        {
            await client.CancelRunAsync(runId, origin, cancellationToken).ConfigureAwait(false);
        }
        catch (ComfyDeployException e) when (RunAbsence.IsStatedBy(e))
        {
            return await NotCancelledAsync(result, run, e, cancellationToken).ConfigureAwait(false);
        }
        catch (ComfyDeployException e)
        {
            return Decide(result, "Failed", e, e.Message);
        }
        if (waitUntil is not null) return await WaitAsync(result, cancellationToken).ConfigureAwait(false);
        result.Status = RunStatus.Cancelled;
        if (unread is null) return Decide(result, "Cancelled", null);
        result.Status = (await TryReadAsync(cancellationToken).ConfigureAwait(false))?.Status;
        string? doubt = result.Status is null ? $"it could not be read and may have been over before: {unread.Message}" : null;
        return Decide(result, RunStatusWord(result), null, doubt);
    }

    /// <summary>
    /// The service says "not found" also of a run without a function call, and of one that another user made: only a read tells.
    /// </summary>
    private async Task<StopOutcome> NotCancelledAsync(
        ComfyStopResult result, ComfyRun? run, ComfyDeployException refusal, CancellationToken cancellationToken)
    {
        try
        {
            run ??= await _poller.GetRunAsync(runId, cancellationToken).ConfigureAwait(false);
        }
        catch (ComfyDeployException e)
        {
            return RunAbsence.IsStatedBy(e) ? NotFound(result, e) : Decide(result, "Failed", refusal, refusal.Message);
        }
        result.Was ??= run.Status;
        result.Status = run.Status;
        if (!run.IsActive) return Decide(result, "AlreadyFinished", null);
        string reason = run.FunctionCallId is null
            ? "no function call recorded for this run"
            : $"only the user who made it can, {SafeText.Clean(run.OrgId ?? run.UserId)}";
        return Decide(result, "NotCancellable", Errors.RunNotCancellable(Name, run.Status, reason, refusal), reason);
    }

    private StopOutcome NotFound(ComfyStopResult result, ComfyDeployException e) =>
        Decide(result, "NotFound", Errors.RunNotFound(Name, client.Session.Connection.Name, e), e.Message);

    private static string RunStatusWord(ComfyStopResult result) =>
        result.Status is null || !RunStatus.IsFinished(result.Status, null) || result.Status == RunStatus.Cancelled ? "Cancelled"
            : "AlreadyFinished";

    private async Task<StopOutcome> WaitAsync(ComfyStopResult result, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await TryReadAsync(cancellationToken).ConfigureAwait(false) is { } run)
            {
                result.Status = run.Status;
                if (!run.IsActive) return Decide(result, RunStatusWord(result), null);
            }
            if (client.Session.Clock.Now + PollPause > waitUntil)
            {
                ComfyDeployException error = Errors.StillRunning(Name, result.Status);
                return Decide(result, "StillRunning", error, "cancelled, but still running at the timeout");
            }
            await client.Session.Clock.DelayAsync(PollPause, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<ComfyRun?> TryReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _poller.GetRunAsync(runId, cancellationToken).ConfigureAwait(false);
        }
        catch (ComfyDeployException e)
        {
            log.Verbose($"Run {Name} could not be read: {e.Message}");
            return null;
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
