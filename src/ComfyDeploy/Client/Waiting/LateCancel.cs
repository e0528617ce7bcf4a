namespace ComfyDeploy.Client;

/// <summary>
/// Cancels a run that is late, and reads how it ended. If the service does not answer, it tries for a minute, because the run is billed. A
/// run whose connection is refused anyway gets one try.
/// </summary>
internal sealed class LateCancel(IClock clock, ICallLog log, CancellationToken cancellationToken)
{
    private static readonly TimeSpan CancelTimeout = TimeSpan.FromSeconds(60);
    // Leaves time for another attempt when one request gets lost.
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(15);

    internal async Task<WaitOutcome> RunAsync(WaitOutcome late, Reachability service)
    {
        ApiSession session = late.Target.Client.Session;
        TimeSpan given = session.Connection.RequestTimeout;
        ComfyDeployClient client = new(session, log) { MaxRetries = 0, RequestTimeout = given < RequestTimeout ? given : RequestTimeout };
        late = late with { Target = late.Target with { Client = client } };
        DateTime? triedAt = null;
        // Once the cancel is accepted, only its confirmation is missing. Answers about other runs give it time only until its own turn.
        using ClockLimit limit = new(
            clock, CancelTimeout, cancellationToken, () => late.IsCancelled ? clock.Now : (triedAt ?? service.LastAnswer) + CancelTimeout);
        ComfyDeployException? failure = null;
        try
        {
            int attempts = 0;
            while (true)
            {
                (late, failure) = await TryAsync(late, service, limit.Token).ConfigureAwait(false);
                triedAt ??= clock.Now;
                if (late.IsGivenUp) break;
                // These are answers about the run. A 500 in any other words is none: the run may be cancelled the next time.
                if (failure is null or { ErrorId: ErrorIds.NotConnected or ErrorIds.InvalidInput } || RunAbsence.IsStatedBy(failure)) break;
                await clock.DelayAsync(Retry.PauseBefore(++attempts, failure.RetryAfter, clock), limit.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The service has been silent for too long: the run is named as still running.
        }
        string name = late.Target.Name;
        if (late.IsRunning) log.Warning($"Run {name} could not be cancelled: {(failure ?? late.Error)?.Message}".TrimEnd());
        else if (failure is not null) log.Warning($"Run {name} could not be read after it was cancelled: {failure.Message}");
        return late;
    }

    private static async Task<(WaitOutcome Outcome, ComfyDeployException? Failure)> TryAsync(
        WaitOutcome late, Reachability service, CancellationToken limit)
    {
        WaitTarget target = late.Target;
        if (!late.IsCancelled)
        {
            target.Journal?.Stopping(target.RunId);
            (_, ComfyDeployException? refusal) = await service.AskAsync("POST cancel", () => CancelAsync(target, limit), limit)
                .ConfigureAwait(false);
            // "Not found" is said of a run that cannot be cancelled, too. It may have ended by itself.
            if (refusal is not null && !RunAbsence.IsStatedBy(refusal)) return (late, refusal);
            late = late with { IsCancelled = refusal is null, Error = refusal ?? late.Error };
        }
        (ComfyRun? run, ComfyDeployException? failure) = await service.AskAsync("GET /run", () => target.ReadAsync(limit), limit)
            .ConfigureAwait(false);
        if (run is null) return (late, failure);
        // The service takes the cancel of a finished run, too: only the status tells whether it came in time.
        bool endedItself = run.IsFinished && run.Status != RunStatus.Cancelled;
        WaitEnd end = endedItself ? WaitEnd.Finished : late.IsLate ? WaitEnd.TimedOut : late.End;
        return (late with { Run = run, End = end }, null);
    }

    private static async Task<bool> CancelAsync(WaitTarget target, CancellationToken limit)
    {
        await target.Client.CancelRunAsync(target.RunId, target.Origin, limit).ConfigureAwait(false);
        return true;
    }
}
