namespace ComfyDeploy.Client;

// The look-up of runs whose create was not answered. It ends in time whatever the service does, and decides only what is certain.
internal sealed partial class ComfyDeployClient
{
    private static readonly TimeSpan LookUpTimeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LookTimeout = TimeSpan.FromSeconds(3);
    // After the request was found to be lost. Even the last look ends within the time of the whole look-up.
    private static readonly TimeSpan[] Looks =
        [TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(7), LookUpTimeout - LookTimeout];
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan UnknownClockTolerance = TimeSpan.FromMinutes(5);
    // How long a create may be held on its way and still make a run.
    private static readonly TimeSpan MaxDelay = TimeSpan.FromHours(1);

    /// <summary>
    /// Looks once for the runs of creates whose answer never arrived: after Ctrl+C, or after a look-up that found nothing. A found run is
    /// one that this process queued. Absence proves nothing: the others are looked for again the next time.
    /// </summary>
    internal async Task FindUnansweredCreatesAsync(CancellationToken cancellationToken)
    {
        foreach (ListedCreates creates in session.Account.Creates.Unanswered)
        {
            using CancellationTokenSource limit = LimitTo(LookTimeout, cancellationToken);
            try
            {
                await creates.EnterLookupAsync(limit.Token).ConfigureAwait(false);
                try
                {
                    // Where somebody still waits for a lost create, what is found belongs to that one first.
                    Twins[] twins = creates.Lost.Count == 0 ? Twins.Of(creates.Unanswered) : [];
                    await LookAsync(twins, [], limit.Token).ConfigureAwait(false);
                    foreach (Twins each in twins)
                    {
                        if (IsContested(each, creates) || !TryAssign(each)) WarnOfUncertainRuns(each);
                    }
                }
                finally
                {
                    creates.ExitLookup();
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                log.Verbose("Looking for the runs of unanswered requests took too long.");
            }
            foreach (SentCreate found in creates.Unanswered.Where(create => create.RunId is not null)) creates.Settle(found);
        }
    }

    /// <summary>Looks for the runs of all lost creates of the list at once, so that they do not wait for each other.</summary>
    private async Task LookUpAsync(ListedCreates creates, SentCreate lost, CancellationToken cancellationToken)
    {
        using CancellationTokenSource untilDeadline = LimitTo(null, cancellationToken);
        try
        {
            await creates.EnterLookupAsync(untilDeadline.Token).ConfigureAwait(false);
            try
            {
                // The look-up of another lost create may have decided this one too.
                if (!lost.IsDecided) await DecideAsync(creates, lost, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                creates.ExitLookup();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            log.Verbose("The time is up before the lost run could be looked for.");
        }
    }

    private async Task DecideAsync(ListedCreates creates, SentCreate lost, CancellationToken cancellationToken)
    {
        Twins[] twins = Twins.Of(creates.Lost.Where(create => !create.IsDecided));
        // A look-up of what cannot be decided is of no use.
        Twins[] decidable = [.. twins.Where(each => !IsContested(each, creates))];
        Dictionary<string, string?> inputs = [];
        DateTime begin = session.Clock.Now;
        using CancellationTokenSource limit = LimitTo(LookUpTimeout, cancellationToken);
        bool isCut = Deadline < begin + LookUpTimeout;
        try
        {
            foreach (TimeSpan look in Looks)
            {
                if (decidable.All(each => each.IsFound) || begin + look > Deadline || Connection.IsClosed) break;
                // A look that is not answered takes the time of the next pause.
                TimeSpan pause = begin + look - session.Clock.Now;
                await session.Clock.DelayAsync(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, limit.Token).ConfigureAwait(false);
                await LookAsync(decidable, inputs, limit.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            log.Verbose("Looking for the lost run took too long.");
        }
        foreach (Twins each in decidable) TryAssign(each);
        // Of the others, whoever has more time than this caller, or an open connection, looks again.
        isCut |= Connection.IsClosed;
        foreach (SentCreate create in twins.SelectMany(each => each.Creates))
        {
            create.IsDecided = !isCut || create == lost || create.RunId is not null;
        }
    }

    /// <summary>One look at the list, within a short time and without retries.</summary>
    /// <param name="twins">Receive the runs that match.</param>
    /// <param name="inputs">The inputs of the runs that were read before, by ID.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    private async Task LookAsync(IReadOnlyList<Twins> twins, Dictionary<string, string?> inputs, CancellationToken cancellationToken)
    {
        if (twins.Count == 0) return;
        foreach (Twins each in twins) each.Matches.Clear();
        TimeSpan timeout = RequestTimeout ?? Connection.RequestTimeout;
        ComfyDeployClient client = new(session, log) { MaxRetries = 0, RequestTimeout = timeout < LookTimeout ? timeout : LookTimeout };
        try
        {
            IReadOnlyList<RunWire> rows = await client.GetOwnRunsAsync(twins[0].Request.Target, cancellationToken).ConfigureAwait(false);
            // Only now: the Date header of the list may be the first to show the service's clock.
            (Twins Twins, RunWire Row)[] candidates = [.. twins.SelectMany(each => rows
                .Where(row => row.Id is not null && IsCandidate(row, each.Oldest)).Select(row => (each, row)))];
            foreach ((_, RunWire row) in candidates)
            {
                if (row.WorkflowInputs is { } listed) inputs[row.Id!] = listed.GetRawText();
            }
            IEnumerable<string> unread = candidates.Select(candidate => candidate.Row.Id!).Distinct().Where(id => !inputs.ContainsKey(id));
            await Throttle.ForEachAsync(unread.ToArray(), ReadInputsAsync, cancellationToken).ConfigureAwait(false);
            foreach ((Twins each, RunWire row) in candidates)
            {
                if (InputComparison.AreSame(each.Request.InputsJson, inputs[row.Id!])) each.Matches.Add(row.Id!);
            }
        }
        catch (ComfyDeployException e)
        {
            // An incomplete look decides nothing, since the rest might match as well.
            log.Verbose($"Looking for the lost run failed: {e.Message}");
        }

        async Task ReadInputsAsync(string id)
        {
            RunWire run = await client.GetAsync($"/run/{id}", WireContext.Default.RunWire, ErrorIds.RunNotFound, cancellationToken)
                .ConfigureAwait(false);
            if (!string.Equals(run.Id, id, StringComparison.OrdinalIgnoreCase)) throw Errors.AnotherRun(id);
            lock (inputs) inputs[id] = run.WorkflowInputs?.GetRawText();
        }
    }

    private bool IsCandidate(RunWire row, SentCreate create)
    {
        DateTime since = create.SentAt + (session.ClockOffset - ClockTolerance ?? -UnknownClockTolerance);
        return create.Request.Target.CanBe(row) && !(row.CreatedAt?.ToUniversalTime() < since)
            && !session.KnownRuns.IsTaken(row.Id!, create.SentTicks);
    }

    /// <summary>Whether a run of these creates could also be that of another one with other inputs, or of another graph.</summary>
    private bool IsContested(Twins twins, ListedCreates creates)
    {
        IEnumerable<SentCreate> others = creates.Lost
            .Concat(creates.Unanswered.Where(create => session.Clock.Now - create.SentAt < MaxDelay))
            .Where(create => create != twins.Oldest);
        return others.Any(other => twins.Request.IsConfusableWith(other.Request));
    }

    /// <summary>Gives each create a run that can only be its own, or none.</summary>
    /// <returns>False when it is not certain whose runs were found.</returns>
    private bool TryAssign(Twins twins)
    {
        // With more matches than creates, one is another client's; without the service's clock only a single match is certain.
        int found = twins.Matches.Count;
        bool isCertain = found <= twins.Creates.Count && (session.ClockOffset is not null || (found <= 1 && twins.Creates.Count == 1));
        if (!isCertain) return false;
        foreach ((SentCreate create, string runId) in twins.Creates.Zip(twins.Matches, (create, runId) => (create, runId)))
        {
            if (session.KnownRuns.Take(runId, create.Request.Origin)) create.RunId = runId;
        }
        return true;
    }

    private void WarnOfUncertainRuns(Twins twins)
    {
        if (twins.Matches.Count == 0) return;
        log.Warning($"A request that queued {twins.Request.Target.Name} at {twins.Oldest.SentAt.ToLocalTime():HH:mm:ss} was never " +
            $"answered. Which of these runs it made is not certain: {string.Join(", ", twins.Matches)}.");
    }

    /// <summary>Ends with the token, after this time, or at the caller's deadline, whichever is first.</summary>
    private CancellationTokenSource LimitTo(TimeSpan? time, CancellationToken cancellationToken)
    {
        CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        TimeSpan left = Deadline - session.Clock.Now ?? TimeSpan.MaxValue;
        TimeSpan shortest = time < left ? time.Value : left;
        if (shortest < MaxRequestTimeout) session.Clock.CancelAfter(limit, shortest > TimeSpan.Zero ? shortest : TimeSpan.Zero);
        return limit;
    }

    /// <summary>Creates of the same target with the same inputs to the letter: it does not matter which of them made which run.</summary>
    private sealed class Twins(SentCreate[] creates)
    {
        internal IReadOnlyList<SentCreate> Creates => creates;

        internal SentCreate Oldest => creates[0];

        internal CreateRequest Request => creates[0].Request;

        /// <summary>The runs that were found at the last complete look.</summary>
        internal List<string> Matches { get; } = [];

        internal bool IsFound => Matches.Count >= creates.Length;

        internal static Twins[] Of(IEnumerable<SentCreate> creates) =>
        [
            .. creates.GroupBy(create => (create.Request.Target.RowKey, create.Request.Target.Unlisted, create.Request.InputsJson))
                .Select(same => new Twins([.. same])),
        ];
    }
}
