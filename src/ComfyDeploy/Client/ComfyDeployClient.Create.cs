namespace ComfyDeploy.Client;

// The service has no idempotency key, and each run is billed: a create is sent again only when it certainly made no run. When its outcome
// is unknown (the connection broke, the answer is unreadable, a gateway timed out), the run is looked up in the deployment's list instead.
internal sealed partial class ComfyDeployClient
{
    private static readonly TimeSpan[] LookupPauses =
        [TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(8)];
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan UnknownClockTolerance = TimeSpan.FromMinutes(5);

    /// <summary>Queues one run.</summary>
    /// <returns>The new run's ID.</returns>
    internal Task<string> CreateRunAsync(CreateRequest request, CancellationToken cancellationToken) =>
        RetryAsync(
            () => CreateOnceAsync(request, cancellationToken),
            attempt => $"Queueing {request.DeploymentName}: {attempt.Error!.Message} No run was made.",
            cancellationToken);

    private async Task<Attempt<string>> CreateOnceAsync(CreateRequest request, CancellationToken cancellationToken)
    {
        DeploymentCreates creates = session.Account.Creates.For(request.DeploymentId);
        await creates.BeginAsync(cancellationToken).ConfigureAwait(false);
        LostCreate sent = new(request, session.Clock.Now);
        LostCreate? lost = null;
        Attempt<CreatedRunWire> answer;
        try
        {
            Func<MemoryStream, CreatedRunWire> read = Json(WireContext.Default.CreatedRunWire);
            answer = await SendOnceAsync(request.ToMessage, read, ErrorIds.DeploymentNotFound, cancellationToken).ConfigureAwait(false);
            if (answer.Error is null && Guid.TryParse(answer.Value?.RunId, out _))
            {
                session.KnownRuns.Take(answer.Value!.RunId!, request.Origin);
                return new(answer.Request) { Value = answer.Value.RunId };
            }
            if (!IsDefiniteRefusal(answer)) lost = sent;
        }
        finally
        {
            // A create that its caller cancelled has no owner: among the lost ones it would claim the run of a later one.
            creates.Answered(lost);
        }
        if (lost is null) return new(answer.Request) { Error = answer.Error, CanRetry = answer.Status == 429 || answer.NotSent };
        return new(answer.Request) { Value = await FindLostRunAsync(creates, lost, answer.Error, cancellationToken).ConfigureAwait(false) };
    }

    /// <summary>The service stated that it made no run, or the request never left.</summary>
    private static bool IsDefiniteRefusal(Attempt<CreatedRunWire> answer) =>
        answer.NotSent || answer.Status is (>= 300 and < 500 and not 408) or 500 or 501;

    private async Task<string> FindLostRunAsync(
        DeploymentCreates creates, LostCreate lost, ComfyDeployException? reason, CancellationToken cancellationToken)
    {
        string why = reason?.Message ?? "The answer contains no run ID.";
        CreateRequest request = lost.Request;
        log.Warning($"Queueing {request.DeploymentName}: {why} It is not known whether a run was made; looking for it before queueing " +
            "another.");
        try
        {
            await creates.EnterLookupAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                // The look-up of another lost create with the same inputs may have decided this one too.
                if (!lost.IsDecided) await DecideAsync(creates.TwinsOf(lost), cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                creates.ExitLookup();
            }
        }
        finally
        {
            creates.Forget(lost);
        }
        if (lost.RunId is not null)
        {
            log.Verbose($"Found the run of the lost answer: {lost.RunId}.");
            return lost.RunId;
        }
        DateTime sentAfter = lost.SentAt - ClockTolerance;
        throw Errors.AmbiguousCreate(request.DeploymentId, request.DeploymentName, request.InputsJson, sentAfter, why, reason);
    }

    /// <summary>Assigns each of these lost creates, which have equal inputs, a run that can only be its own, or none.</summary>
    private async Task DecideAsync(IReadOnlyList<LostCreate> twins, CancellationToken cancellationToken)
    {
        LostCreate first = twins[0];
        Dictionary<string, bool> compared = [];
        List<string> matches = [];
        foreach (TimeSpan pause in LookupPauses)
        {
            if (Deadline is { } deadline && session.Clock.Now + pause > deadline) break;
            await session.Clock.DelayAsync(pause, cancellationToken).ConfigureAwait(false);
            matches = await FindMatchesAsync(first, compared, cancellationToken).ConfigureAwait(false);
            if (matches.Count >= twins.Count) break;
        }
        foreach (LostCreate twin in twins) twin.IsDecided = true;

        // With more matches than lost creates, one is another client's; without the service's clock only a single match is certain.
        bool isCertain = matches.Count <= twins.Count && (session.ClockOffset is not null || (matches.Count == 1 && twins.Count == 1));
        if (!isCertain) return;
        foreach ((LostCreate twin, string runId) in twins.Zip(matches, (twin, runId) => (twin, runId)))
        {
            if (session.KnownRuns.Take(runId, twin.Request.Origin)) twin.RunId = runId;
        }
    }

    private async Task<List<string>> FindMatchesAsync(LostCreate lost, Dictionary<string, bool> known, CancellationToken cancellationToken)
    {
        List<string> matches = [];
        try
        {
            IReadOnlyList<RunWire> rows = await GetOwnRunsAsync(lost.Request.DeploymentId, cancellationToken).ConfigureAwait(false);
            // Only now: the Date header of the list may be the first to show the service's clock.
            DateTime since = lost.SentAt + (session.ClockOffset - ClockTolerance ?? -UnknownClockTolerance);
            foreach (RunWire row in rows)
            {
                if (row.Id is null || row.CreatedAt?.ToUniversalTime() < since) continue;
                if (session.KnownRuns.IsTaken(row.Id, lost.SentTicks)) continue;
                if (!known.TryGetValue(row.Id, out bool same))
                {
                    RunWire run = await GetAsync($"/run/{row.Id}", WireContext.Default.RunWire, ErrorIds.RunNotFound, cancellationToken)
                        .ConfigureAwait(false);
                    known[row.Id] = same = InputComparison.AreSame(lost.Request.InputsJson, run.WorkflowInputs?.GetRawText());
                }
                if (same) matches.Add(row.Id);
            }
            return matches;
        }
        catch (ComfyDeployException e)
        {
            // An incomplete look-up decides nothing, since the rest might match as well. If none succeeds, the outcome stays unknown.
            log.Verbose($"Looking for the lost run failed: {e.Message}");
            return [];
        }
    }
}
