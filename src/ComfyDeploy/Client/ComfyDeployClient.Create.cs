using System.Globalization;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

// The service has no idempotency key, and each run is billed: a create is sent again only when it surely made no run. Of a create whose fate is
// unknown (the connection broke, the answer is unreadable, a gateway gave up) the run is looked for in the deployment's list, and nothing is ever re-sent.
internal sealed partial class ComfyDeployClient
{
    private static readonly TimeSpan[] LookupPauses = [TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(8)];
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan UnknownClockTolerance = TimeSpan.FromMinutes(5);

    /// <summary>Queues one run.</summary>
    /// <returns>The new run's id.</returns>
    internal async Task<string> CreateRunAsync(CreateRequest request, CancellationToken stop)
    {
        DeploymentCreates creates = session.Account.Creates.For(request.DeploymentId);
        for (int retry = 1; ; retry++)
        {
            await creates.BeginAsync(stop).ConfigureAwait(false);
            LostCreate sent = new(request, session.Clock.Now);
            LostCreate? lost = null;
            TryResult<CreatedRunWire> result;
            try
            {
                result = await TryAsync(request.ToMessage, Json(WireContext.Default.CreatedRunWire), ErrorIds.DeploymentNotFound, stop).ConfigureAwait(false);
                if (result.Error is null && Guid.TryParse(result.Value?.RunId, out _))
                {
                    session.KnownRuns.Take(result.Value!.RunId!);
                    return result.Value.RunId!;
                }
                if (!IsDefiniteRefusal(result)) lost = sent;
            }
            finally
            {
                // One that its caller stopped is nobody's any more: left among the lost, it would claim the run of a later one.
                creates.Answered(lost);
            }

            if (lost is not null) return await FindLostRunAsync(creates, lost, result.Error, stop).ConfigureAwait(false);
            bool mayTryAgain = result.Status == 429 || result.SurelyNotSent;
            if (!mayTryAgain || retry > MaxRetries) throw result.Error!;
            TimeSpan pause = Retry.PauseBefore(retry, result.Error!.RetryAfter);
            if (Deadline is { } deadline && session.Clock.Now + pause > deadline) throw result.Error;
            log.Warning($"Queueing {request.DeploymentName}: {result.Error.Message} No run was made. Trying again in {pause.TotalSeconds:0.0} s ({Retry.Left(retry, MaxRetries)}).");
            await session.Clock.DelayAsync(pause, stop).ConfigureAwait(false);
        }
    }

    /// <summary>An answer in words that no run was made, or a request that never left.</summary>
    private static bool IsDefiniteRefusal(TryResult<CreatedRunWire> result) =>
        result.SurelyNotSent || result.Status is (>= 300 and < 500 and not 408) or 500 or 501;

    private async Task<string> FindLostRunAsync(DeploymentCreates creates, LostCreate lost, ComfyDeployException? reason, CancellationToken stop)
    {
        string why = reason?.Message ?? "The answer carries no run id.";
        log.Warning($"Queueing {lost.Request.DeploymentName}: {why} Whether a run was made is not known; looking for it before anything else is queued.");
        try
        {
            await creates.EnterLookupAsync(stop).ConfigureAwait(false);
            try
            {
                // Another lost create with the same inputs may have decided for this one too.
                if (!lost.IsDecided) await DecideAsync(creates.TwinsOf(lost), stop).ConfigureAwait(false);
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
            log.Verbose($"The lost answer's run is {lost.RunId}.");
            return lost.RunId;
        }
        string since = lost.SentAt.ToLocalTime().AddSeconds(-ClockTolerance.TotalSeconds).ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
        throw new ComfyDeployException(
            ErrorIds.AmbiguousCreate,
            $"Whether {lost.Request.DeploymentName} was queued with {SafeText.Clean(SafeText.HideSignatures(lost.Request.InputsJson))} at {since} is not known: {why} Nothing was sent again. " +
            $"See what is there before you repeat it: Get-ComfyRun -Deployment {lost.Request.DeploymentId} -After '{since}' -Full",
            reason);
    }

    /// <summary>Gives each of these lost creates, which have equal inputs, a run that can only be theirs, or none.</summary>
    private async Task DecideAsync(IReadOnlyList<LostCreate> twins, CancellationToken stop)
    {
        LostCreate first = twins[0];
        Dictionary<string, bool> compared = [];
        List<string> matches = [];
        foreach (TimeSpan pause in LookupPauses)
        {
            if (Deadline is { } deadline && session.Clock.Now + pause > deadline) break;
            await session.Clock.DelayAsync(pause, stop).ConfigureAwait(false);
            matches = await FindMatchesAsync(first, compared, stop).ConfigureAwait(false);
            if (matches.Count >= twins.Count) break;
        }
        foreach (LostCreate twin in twins) twin.IsDecided = true;

        // With more matches than lost creates one of them is somebody else's; without the service's clock only a single one is sure.
        bool sure = matches.Count <= twins.Count && (session.ClockOffset is not null || (matches.Count == 1 && twins.Count == 1));
        if (!sure) return;
        foreach ((LostCreate twin, string runId) in twins.Zip(matches, (twin, runId) => (twin, runId)))
        {
            if (session.KnownRuns.Take(runId)) twin.RunId = runId;
        }
    }

    private async Task<List<string>> FindMatchesAsync(LostCreate lost, Dictionary<string, bool> compared, CancellationToken stop)
    {
        List<string> matches = [];
        try
        {
            IReadOnlyList<RunWire> rows = await GetOwnRunsAsync(lost.Request.DeploymentId, stop).ConfigureAwait(false);
            // Only now: the list's own Date may be the first that tells the service's clock.
            DateTime since = session.ClockOffset is { } offset ? lost.SentAt + offset - ClockTolerance : lost.SentAt - UnknownClockTolerance;
            foreach (RunWire row in rows)
            {
                if (row.Id is null || row.CreatedAt?.ToUniversalTime() < since || session.KnownRuns.IsTaken(row.Id, lost.SentTicks)) continue;
                if (!compared.TryGetValue(row.Id, out bool same))
                {
                    RunWire run = await GetAsync($"/run/{row.Id}", WireContext.Default.RunWire, ErrorIds.RunNotFound, stop).ConfigureAwait(false);
                    compared[row.Id] = same = InputJson.AreSame(lost.Request.InputsJson, run.WorkflowInputs);
                }
                if (same) matches.Add(row.Id);
            }
            return matches;
        }
        catch (ComfyDeployException e)
        {
            // Half a look decides nothing, since the rest might match as well. The next one may go better; without any the user is told that nobody knows.
            log.Verbose($"Looking for the lost run failed: {e.Message}");
            return [];
        }
    }
}
