using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>A create that a manifest announces and does not know the answer to: its process was killed, or did not find out.</summary>
/// <param name="Key">Its row in the manifest.</param>
/// <param name="Target">What it was to run.</param>
/// <param name="InputsJson">Its inputs, as they are recorded.</param>
/// <param name="At">When it was announced, UTC by the service's clock.</param>
/// <param name="IsExactTime">Whether the service's clock was known.</param>
internal sealed record OpenIntent(string Key, CreateTarget Target, string InputsJson, DateTime At, bool IsExactTime);

/// <summary>What became of an intent.</summary>
/// <param name="RunId">Its run; null without one.</param>
/// <param name="Error">Why that is not known; null when it is.</param>
internal sealed record IntentOutcome(string? RunId, ComfyDeployException? Error = null)
{
    internal static readonly IntentOutcome NoRun = new(RunId: null);
}

/// <summary>
/// Looks for the runs of intents that were not answered. A run is theirs when nobody else owns it and its inputs are equal. Only when an
/// intent is a minute old, and the whole list back to it has no match, it certainly made no run.
/// </summary>
/// <param name="client">The account.</param>
/// <param name="log">Says why the call pauses.</param>
/// <param name="manifest">The manifest of the intents.</param>
/// <param name="isOwned">Whether a run has an owner in the manifest.</param>
internal sealed class IntentLookup(ComfyDeployClient client, ICallLog log, string manifest, Func<string, bool> isOwned)
{
    // A create may be held on its way that long, and still make a run.
    private static readonly TimeSpan MinAge = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan UnknownClockTolerance = TimeSpan.FromMinutes(5);

    private const string TooLate = "the time is up before it is certain that it made no run.";

    private readonly ApiSession _session = client.Session;
    private readonly Dictionary<string, IntentOutcome> _outcomes = [];
    private readonly Dictionary<string, string?> _inputs = new(StringComparer.OrdinalIgnoreCase);
    private bool _hasWarned;

    /// <summary>What became of each intent, by its key.</summary>
    internal async Task<IReadOnlyDictionary<string, IntentOutcome>> FindAsync(
        IEnumerable<OpenIntent> intents, CancellationToken cancellationToken)
    {
        FindKnown(intents);
        foreach (IGrouping<string, OpenIntent> list in Undecided([.. intents]).GroupBy(intent => intent.Target.ListId))
        {
            OpenIntent[] open = [.. list.OrderBy(intent => intent.At)];
            try
            {
                await FindInListAsync(open, cancellationToken).ConfigureAwait(false);
            }
            catch (ComfyDeployException e)
            {
                foreach (OpenIntent intent in Undecided(open)) _outcomes[intent.Key] = new(null, Ambiguous(intent, e.Message, e));
            }
        }
        return _outcomes;
    }

    /// <summary>This process may know the run: it was found after its answer was lost.</summary>
    private void FindKnown(IEnumerable<OpenIntent> intents)
    {
        HashSet<string> keys = [.. intents.Select(intent => intent.Key)];
        foreach (string runId in _session.KnownRuns.Started)
        {
            bool isIts = _session.KnownRuns.OriginOf(runId)?.Entry is { } entry && entry.Path == manifest && keys.Contains(entry.Key);
            if (isIts && !isOwned(runId)) _outcomes[_session.KnownRuns.OriginOf(runId)!.Entry!.Key] = new(runId);
        }
    }

    private async Task FindInListAsync(OpenIntent[] intents, CancellationToken cancellationToken)
    {
        ListedCreates creates = _session.Account.Creates.For(intents[0].Target.ListId);
        // Of one that was recorded by a clock that was ahead, nothing tells how old it is.
        foreach (OpenIntent early in intents.Where(intent => intent.At > _session.ServiceNow + UnknownClockTolerance))
        {
            _outcomes[early.Key] = new(null, Ambiguous(early, "its time is still to come.", cause: null));
        }
        while (Undecided(intents).Length > 0)
        {
            TimeSpan left = Undecided(intents).Max(OldEnoughAt) - _session.ServiceNow;
            // Nothing is being sent meanwhile, so that no run found here is that of a create under way.
            await creates.EnterLookupAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await LookAsync(Undecided(intents), cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                creates.ExitLookup();
            }
            OpenIntent[] open = Undecided(intents);
            if (open.Length == 0) return;
            if (left <= TimeSpan.Zero)
            {
                foreach (OpenIntent intent in open) _outcomes[intent.Key] = IntentOutcome.NoRun;
                return;
            }
            if (_session.Clock.Now + left > client.Deadline)
            {
                foreach (OpenIntent intent in open) _outcomes[intent.Key] = new(null, Ambiguous(intent, TooLate, cause: null));
                return;
            }
            Warn(open.Length, left);
            await _session.Clock.DelayAsync(left, cancellationToken).ConfigureAwait(false);
        }
    }

    private OpenIntent[] Undecided(OpenIntent[] intents) => [.. intents.Where(intent => !_outcomes.ContainsKey(intent.Key))];

    private async Task LookAsync(OpenIntent[] intents, CancellationToken cancellationToken)
    {
        DateTime since = intents.Min(Earliest);
        IReadOnlyList<RunWire> rows = await ReadBackAsync(intents[0].Target, since, cancellationToken).ConfigureAwait(false);
        RunWire[] free = [.. rows.Where(row => !isOwned(row.Id!) && _session.KnownRuns.OriginOf(row.Id!) is null)];
        RunWire[] candidates = [.. free.Where(row => intents.Any(intent => CanBe(intent, row)))];
        await ReadInputsAsync(candidates, cancellationToken).ConfigureAwait(false);
        (OpenIntent[] Twins, RunWire[] Matches)[] groups =
        [
            .. intents.GroupBy(intent => (intent.Target.RowKey, intent.Target.Unlisted, intent.InputsJson)).Select(same =>
                (same.ToArray(), candidates.Where(row => CanBe(same.First(), row) && IsMatch(same.First(), row)).ToArray())),
        ];
        foreach ((OpenIntent[] twins, RunWire[] matches) in groups.Where(group => group.Matches.Length > 0))
        {
            // A run with files in its inputs may look like that of another row.
            bool isContested = groups.Any(other => other.Twins != twins && other.Matches.Intersect(matches).Any());
            bool isExact = twins.All(twin => twin.IsExactTime) || (matches.Length, twins.Length) is (1, 1);
            bool isCertain = matches.Length <= twins.Length && isExact;
            Decide(twins, matches, isCertain && !isContested);
        }
    }

    private void Decide(OpenIntent[] twins, RunWire[] matches, bool isCertain)
    {
        if (!isCertain)
        {
            string why = $"which of these runs it made is not certain: {string.Join(", ", matches.Select(row => row.Id))}.";
            foreach (OpenIntent twin in twins) _outcomes[twin.Key] = new(null, Ambiguous(twin, why, cause: null));
            return;
        }
        foreach ((OpenIntent twin, RunWire row) in twins.Zip(matches.OrderBy(row => row.CreatedAt), (twin, row) => (twin, row)))
        {
            _outcomes[twin.Key] = new(row.Id);
        }
    }

    /// <summary>The own runs of the list, back to a time.</summary>
    private async Task<IReadOnlyList<RunWire>> ReadBackAsync(CreateTarget target, DateTime since, CancellationToken cancellationToken)
    {
        Dictionary<string, RunWire> rows = new(StringComparer.OrdinalIgnoreCase);
        int offset = 0;
        while (true)
        {
            (IReadOnlyList<RunWire> page, int returned) = await client.GetOwnRunPageAsync(target, offset, cancellationToken)
                .ConfigureAwait(false);
            // It could be the one that is looked for.
            if (page.Any(row => row.Id is null)) throw new ComfyDeployException(ErrorIds.ServiceError, "The list has a run without an ID.");
            foreach (RunWire row in page) rows[row.Id!] = row;
            offset += returned;
            bool isEnd = returned < ComfyDeployClient.MaxOwnRuns || page.Any(row => row.CreatedAt?.ToUniversalTime() < since);
            if (isEnd) return [.. rows.Values];
        }
    }

    private async Task ReadInputsAsync(RunWire[] rows, CancellationToken cancellationToken)
    {
        foreach (RunWire row in rows)
        {
            if (row.WorkflowInputs is { } listed) _inputs[row.Id!] = listed.GetRawText();
        }
        string[] unread = [.. rows.Select(row => row.Id!).Where(id => !_inputs.ContainsKey(id))];
        await Throttle.ForEachAsync(unread, ReadAsync, cancellationToken).ConfigureAwait(false);

        async Task ReadAsync(string id)
        {
            ComfyRun run = await client.GetRunAsync(id, cancellationToken).ConfigureAwait(false);
            lock (_inputs) _inputs[id] = run.InputsJson;
        }
    }

    private static DateTime OldEnoughAt(OpenIntent intent) =>
        intent.At + MinAge + (intent.IsExactTime ? TimeSpan.Zero : UnknownClockTolerance);

    private static DateTime Earliest(OpenIntent intent) => intent.At - (intent.IsExactTime ? ClockTolerance : UnknownClockTolerance);

    private static bool CanBe(OpenIntent intent, RunWire row) =>
        intent.Target.CanBe(row) && !(row.CreatedAt?.ToUniversalTime() < Earliest(intent));

    private bool IsMatch(OpenIntent intent, RunWire row) => InputComparison.AreSame(intent.InputsJson, _inputs[row.Id!]);

    private static ComfyDeployException Ambiguous(OpenIntent intent, string why, ComfyDeployException? cause) =>
        Errors.AmbiguousCreate(intent.Target.Unconfirmed(Earliest(intent)), intent.Target.Name, intent.InputsJson,
            $"An earlier call recorded it without an answer; {why}", cause);

    private void Warn(int count, TimeSpan left)
    {
        if (_hasWarned) return;
        _hasWarned = true;
        log.Warning($"{Plural.Of(count, "request")} of an earlier call got no answer. Looking for the runs for {left.TotalSeconds:0} s "
            + "more, before the rows are queued again.");
    }
}
