using System.Management.Automation;
using System.Reflection;
using System.Text.Json.Nodes;
using ComfyDeploy.Commands;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>The promises of the module, each checked against the books of the service.</summary>
internal static partial class Invariants
{
    /// <summary>The IDs of all documented errors.</summary>
    internal static readonly HashSet<string> Documented = [.. typeof(ErrorIds).GetFields(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
        .Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!)];

    // A preference of Stop, Ctrl+C, and the throw of the scenario's own downstream.
    private static readonly HashSet<string> OfTheEngine = ["ActionPreferenceStop", "PipelineStopped", "enough"];

    private static readonly HashSet<Flow> EmitsEveryRow =
    [
        Flow.Start, Flow.StartWait, Flow.StartWaitStopOnTimeout, Flow.StartPipeWait, Flow.StartThenWait, Flow.WaitInOrder, Flow.WaitStopOnTimeout,
        Flow.WaitThrowOnFailure, Flow.StopWait,
    ];

    // Each needs more than any scenario has: two answers in the service's own words, or two minutes of refusals.
    private static readonly HashSet<string> EndsAWait = [ErrorIds.RunNotFound, ErrorIds.PollFailed, ErrorIds.ApiKeyRejected, ErrorIds.NotConnected];

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookUp = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan GraceOfCancels = TimeSpan.FromSeconds(60);

    /// <summary>What does not hold, in words.</summary>
    internal static IReadOnlyList<string> Broken(ScenarioResult result, Books books) =>
    [
        .. NothingTwice(result, books),
        .. NothingLost(result, books),
        .. RowsInAreObjectsOut(result, books),
        .. TheWaitGoesOn(result, books),
        .. NothingBilledInSilence(result, books),
        .. TheDeadlineCounts(result, books),
        .. OnlyDocumentedErrors(result),
        .. OnlyRealObjects(result, books),
        .. TimeIsBounded(result),
        .. TheRightBytes(result, books),
        .. TheKeyStaysSecret(result, books),
        .. EveryRunIsOfARow(result, books),
        .. OnlyItsOwnRowsAreRefused(result, books),
        .. RowsKeepTheirOrder(result, books),
        .. EachContentIsUploadedOnce(result, books),
        .. AFewAtATime(result),
        .. OnlySoManyAreInFlight(result),
    ];

    private static IEnumerable<string> NothingTwice(ScenarioResult result, Books books)
    {
        int rows = result.Scenario.Rows.Count;
        if (books.Runs.Count > rows) yield return $"Nothing twice: {books.Runs.Count} runs of {rows} rows.";
        foreach (IGrouping<string?, ComfyRun> same in result.Runs.Where(run => run.RunId is not null).GroupBy(run => run.RunId).Where(same => same.Count() > 1))
        {
            yield return $"Nothing twice: run {same.Key} came out {same.Count()} times.";
        }
    }

    private static IEnumerable<string> NothingLost(ScenarioResult result, Books books)
    {
        // Its runs are another client's.
        if (result.Scenario.HasEarlierRuns) yield break;
        HashSet<string> known = [.. result.Runs.Select(run => run.RunId!), .. result.Named];
        // A command behind that ends the pipeline had what was written to it, and Save-ComfyRunOutput writes files in its place.
        if (result.Scenario.Downstream != Downstream.TakesAll || result.Scenario.Flow == Flow.WaitSave) known.UnionWith(IdsOf(result.Written));
        // The first finished runs are enough there; where the user has the runs of Start-ComfyRun, nothing is lost with the wait.
        if (result.Scenario.Flow is Flow.WaitAny or Flow.WaitCount or Flow.StartThenWait) known.UnionWith(IdsOf(result.Started));
        // No stream takes anything after Ctrl+C.
        if (result.Scenario.StopAtRequest is not null) known.UnionWith(result.ThisSession);
        string[] lost = [.. books.Runs.Where(run => !IsRefusedAtCreate(run) && !known.Contains(run.RunId)).Select(run => run.RunId)];
        int unknown = AmbiguousCreates(result);
        if (lost.Length > unknown) yield return $"Nothing lost: {lost.Length} runs are in no output, error or warning, {unknown} creates are called ambiguous: {string.Join(", ", lost)}.";
    }

    private static IEnumerable<string> IdsOf(IEnumerable<PSObject> items) => items.Select(item => item.BaseObject).OfType<ComfyRun>().Select(run => run.RunId!);

    // It was answered with an error: no run was made that could cost something.
    private static bool IsRefusedAtCreate(EmulatorRun run) => run.Inputs.Contains("#createfail", StringComparison.Ordinal);

    private static int AmbiguousCreates(ScenarioResult result)
    {
        const string Words = "It is not known whether";
        return Math.Max(
            result.AllRuns.Count(run => run.RunId is null && run.Error?.Contains(Words, StringComparison.Ordinal) == true),
            result.Warnings.Count(warning => warning.Contains(Words, StringComparison.Ordinal)))
            + result.Errors.Count(error => IdOf(error) == ErrorIds.AmbiguousCreate);
    }

    private static IEnumerable<string> RowsInAreObjectsOut(ScenarioResult result, Books books)
    {
        Scenario scenario = result.Scenario;
        // What ends the pipeline leaves rows unread.
        if (!EmitsEveryRow.Contains(scenario.Flow) || result.WasEnded) yield break;
        // An error before the first row, such as a deployment that cannot be read: nothing was made, and the error says so.
        bool isRefused = result.Errors.Any(error => IsOf(error, nameof(StartComfyRunCommand)) && IdOf(error) != ErrorIds.WaitTimeout);
        if (isRefused && (scenario.HasTwoConnections || books.Runs.All(IsRefusedAtCreate))) yield break;
        int objects = result.Run.Objects.Count(item => item.BaseObject is ComfyRun or ComfyStopResult);
        if (objects != scenario.Rows.Count) yield return $"Rows in = objects out: {scenario.Rows.Count} rows, {objects} objects.";
    }

    /// <summary>No single answer, and no outage, ends the wait for a run: only its deadline does.</summary>
    private static IEnumerable<string> TheWaitGoesOn(ScenarioResult result, Books books)
    {
        if (result.Scenario.HasEarlierRuns) yield break;
        HashSet<string> real = [.. books.Runs.Select(run => run.RunId)];
        foreach (ErrorRecord error in result.Errors.Where(error => EndsAWait.Contains(IdOf(error)) && ScenarioResult.IdsIn(ScenarioResult.TextOf(error)).Any(real.Contains)))
        {
            yield return $"The wait goes on: {IdOf(error)} ended it for a run that exists: {error}";
        }
        ErrorRecord[] timeouts = [.. result.Errors.Where(error => IdOf(error) == ErrorIds.WaitTimeout)];
        // Fast time is not exact.
        bool isEarly = !result.Scenario.HasSockets && !(result.Duration.TotalSeconds >= result.Scenario.Deadline);
        if (timeouts.Length > 0 && isEarly) yield return $"The wait goes on: it ended after {result.Duration}, before its deadline.";
        // Start-ComfyRun alone does not wait; what ends the pipeline ends the wait too.
        if (result.Scenario.Flow == Flow.Start || result.WasEnded) yield break;
        HashSet<string> late = [.. timeouts.SelectMany(error => ScenarioResult.IdsIn(ScenarioResult.TextOf(error)))];
        foreach (ComfyRun run in result.Runs.Where(run => run.RunId is not null && !run.IsFinished && !late.Contains(run.RunId)))
        {
            yield return $"The wait goes on: run {run.RunId} came out as {run.Status} without a timeout.";
        }
    }

    private static IEnumerable<string> NothingBilledInSilence(ScenarioResult result, Books books)
    {
        Scenario scenario = result.Scenario;
        bool lists = scenario.Flow is Flow.GetActiveStop or Flow.GetStatusStop;
        if (!lists && !scenario.StopsLate && scenario.Flow != Flow.StopWait) yield break;
        // What ends the pipeline ends it before all runs are received; an error of the wait itself comes after its cancels.
        if (scenario.IsCut || (result.Run.Threw && result.Errors.All(error => IdOf(error) is not ErrorIds.WaitTimeout))) yield break;
        // A list that failed, or has odd rows, has said so; what it did not show could not be stopped.
        bool isIncomplete = result.Errors.Any(error => IsOf(error, nameof(GetComfyRunCommand))) || result.Warnings.Any(warning => warning.StartsWith("The list of runs is incomplete", StringComparison.Ordinal));
        if (lists && isIncomplete) yield break;
        EmulatorRun[] unfinished = [.. books.Runs.Where(run => !Books.IsOver(run) && !IsRefusedAtCreate(run))
            .Where(run => scenario.Flow != Flow.GetStatusStop || run.Status is "queued" or "not-started")];
        HashSet<string> tried = [.. books.AskedToCancel, .. Cancels(result).Select(cancel => cancel.RunId)];
        string[] silent = [.. unfinished.Where(run => !result.Named.Contains(run.RunId)).Select(run => $"{run.RunId} {run.Status}")];
        string[] untried = [.. unfinished.Where(run => !tried.Contains(run.RunId)).Select(run => $"{run.RunId} {run.Status}")];
        int unknown = AmbiguousCreates(result);
        if (silent.Length > unknown) yield return $"Nothing billed in silence: {string.Join(", ", silent)}.";
        if (untried.Length > unknown) yield return $"Nothing billed in silence: no cancel was tried: {string.Join(", ", untried)}.";
    }

    private static IEnumerable<(string RunId, DateTime At)> Cancels(ScenarioResult result) =>
        result.Sent.Where(request => request.Route == ServiceRoute.Cancel).Select(request => (ScenarioResult.IdsIn(request.Path).First(), request.At));

    /// <summary>A late run is cancelled when it becomes late, and none is queued after the deadline, whatever the other rows do.</summary>
    private static IEnumerable<string> TheDeadlineCounts(ScenarioResult result, Books books)
    {
        Scenario scenario = result.Scenario;
        // Of two accounts each has its deadline; over sockets nobody sees what the client sends; other faults take time of their own.
        bool isSimple = !scenario.HasTwoConnections && !scenario.HasSockets && result.FaultsMet.All(fault => fault.Route == ServiceRoute.Create);
        if (scenario.Deadline is not { } seconds || !isSimple || result.Sent.FirstOrDefault(request => request.Route == ServiceRoute.Create) is not { } first) yield break;
        TimeSpan deadline = TimeSpan.FromSeconds(seconds);
        EmulatorRun[] made = [.. books.Runs.Where(run => !IsRefusedAtCreate(run))];
        if (scenario.Flow is Flow.StartWait or Flow.StartWaitStopOnTimeout && AmbiguousCreates(result) == 0)
        {
            foreach (EmulatorRun run in made.Skip(1).Where(run => run.CreatedAt > first.At + deadline + TimeSpan.FromSeconds(1))) yield return $"The deadline counts: run {run.RunId} was queued at {run.CreatedAt:T}, after it.";
        }
        if (!scenario.StopsLate) yield break;
        foreach ((string runId, DateTime at) in Cancels(result).DistinctBy(cancel => cancel.RunId))
        {
            DateTime created = made.First(run => run.RunId == runId).CreatedAt;
            DateTime late = made[0].CreatedAt + deadline;
            DateTime most = new[] { created, late, KnownToWait(runId, result, books) }.Max() + LookUp + Grace;
            if (at > most) yield return $"The deadline counts: run {runId}, which was late at {late:T}, was cancelled at {at:T}.";
        }
    }

    /// <summary>
    /// When the command behind Start-ComfyRun can have the run: objects come out in the order of the rows, so not before the rows before it
    /// are answered. Where Start-ComfyRun itself waits, at once.
    /// </summary>
    private static DateTime KnownToWait(string runId, ScenarioResult result, Books books)
    {
        ComfyRun[] before = [.. result.Started.Select(item => item.BaseObject).OfType<ComfyRun>().TakeWhile(run => run.RunId != runId)];
        if (result.Scenario.Flow == Flow.StartWaitStopOnTimeout || before.Length == 0) return DateTime.MinValue;
        return before.All(run => run.RunId is not null)
            ? before.Max(row => books.Runs.First(run => run.RunId == row.RunId).CreatedAt)
            : result.Sent.Where(request => request.Route == ServiceRoute.Create).Max(request => request.At)
                + (result.FaultsMet.Any(fault => fault.Kind == FaultKind.Hang) ? ScenarioRunner.RequestTimeout : TimeSpan.Zero);
    }

    private static IEnumerable<string> OnlyDocumentedErrors(ScenarioResult result) =>
        result.Errors.Where(error => !Documented.Contains(IdOf(error)) && !OfTheEngine.Contains(IdOf(error)))
            .Select(error => $"Only documented errors: {error.FullyQualifiedErrorId}: {error.Exception.GetType().Name}: {error}");

    private static IEnumerable<string> OnlyRealObjects(ScenarioResult result, Books books)
    {
        Dictionary<string, EmulatorRun> real = books.Runs.ToDictionary(run => run.RunId);
        foreach (ComfyRun run in result.AllRuns)
        {
            if (!run.IsDetailed && (run.OutputCount, run.PercentComplete) is not (null, null)) yield return $"Unknown is null: run {run.RunId} has {run.OutputCount} outputs and {run.PercentComplete} %, and was not read.";
            if (run.RunId is null)
            {
                if (run.Status != RunStatus.NotQueued || string.IsNullOrEmpty(run.Error)) yield return $"Only real objects: a run without ID is {run.Status} because of '{run.Error}'.";
            }
            else if (!real.TryGetValue(run.RunId, out EmulatorRun? stored)) yield return $"Only real objects: run {run.RunId} is not on the service.";
            else if (!RunStatus.All.Append("archived").Contains(run.Status)) yield return $"Only real objects: run {run.RunId} is '{run.Status}'.";
            else if (!result.Scenario.HasEarlierRuns && !LabelsOf(stored, result.Scenario).Contains(run.Label ?? string.Empty)) yield return $"Only real objects: run {run.RunId} of {stored.Inputs} has the label '{run.Label}'.";
        }
        foreach (ComfyStopResult stopped in result.Run.Objects.Select(item => item.BaseObject).OfType<ComfyStopResult>())
        {
            if (stopped.Outcome == "NotFound" && real.ContainsKey(stopped.RunId)) yield return $"Only real objects: {stopped.RunId} is said not to exist.";
            if (stopped.Outcome == "NotCancellable" && !real[stopped.RunId].Inputs.Contains("#nocall", StringComparison.Ordinal) && !IsRefusedAtCreate(real[stopped.RunId])) yield return $"Only real objects: {stopped.RunId} is said to have no function call.";
            if (stopped.Outcome == "Cancelled" && books.Runs.FirstOrDefault(run => run.RunId == stopped.RunId) is not { } run) yield return $"Only real objects: {stopped.RunId} is said to be cancelled and does not exist.";
            else if (stopped.Outcome == "Cancelled" && books.Runs.Any(run => run.RunId == stopped.RunId && !Books.IsOver(run))) yield return $"Nothing billed in silence: {stopped.RunId} is said to be cancelled and runs.";
        }
    }

    // The runs of equal rows are equal, whatever their labels.
    private static IEnumerable<string> LabelsOf(EmulatorRun run, Scenario scenario)
    {
        string prompt = (string)JsonNode.Parse(run.Inputs)!["prompt"]!;
        return scenario.Rows.Where(row => row.Prompt == prompt).Select(row => row.Label);
    }

    private static IEnumerable<string> TimeIsBounded(ScenarioResult result)
    {
        Scenario scenario = result.Scenario;
        // The time of Start-ComfyRun before a wait is its own, and fast time is not exact.
        bool startsSlowly = scenario.HasFault(ServiceRoute.Create, ServiceRoute.OwnRuns, ServiceRoute.Deployments, ServiceRoute.Upload);
        if (scenario.Deadline is not { } seconds || scenario.HasSockets || (startsSlowly && scenario.Flow != Flow.StopWait)) yield break;
        // A wait that looks once ends nothing; what waits for a slot before it takes its own time.
        if (scenario.MaxInFlight is not null && (seconds == 0 || scenario.Flow == Flow.StartThenWait)) yield break;
        TimeSpan most = TimeSpan.FromSeconds(seconds) + Grace;
        // There each account is waited for by a call of its own.
        if (scenario.Flow is Flow.Start or Flow.StartWait or Flow.StartWaitStopOnTimeout && scenario.HasTwoConnections) most *= 2;
        if ((scenario.StopsLate || scenario.Flow == Flow.StopWait) && scenario.Faults.Count > 0) most += GraceOfCancels;
        // An upload and a create of each row, one after the other at worst.
        if (scenario.HasLatency) most += EmulatorHandler.Latency * 2 * scenario.Rows.Count;
        if (scenario.Flow == Flow.WaitSave) most += GraceOfCancels;
        if (result.Duration > most) yield return $"Time is bounded: {result.Duration} with a deadline of {seconds} s.";
    }

    private static IEnumerable<string> TheRightBytes(ScenarioResult result, Books books)
    {
        HashSet<string> returned = [];
        foreach (PSObject item in result.Run.Objects.Where(item => item.BaseObject is FileInfo))
        {
            FileInfo file = (FileInfo)item.BaseObject;
            returned.Add(file.FullName);
            string runId = (string)item.Properties["RunId"].Value;
            if (!file.FullName.StartsWith(result.Folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)) yield return $"The right bytes: {file.FullName} is outside the folder.";
            if (!File.ReadAllBytes(file.FullName).AsSpan().SequenceEqual(books.BytesOf(runId, (int)item.Properties["Index"].Value))) yield return $"The right bytes: {file.Name} is not the file of run {runId}.";
        }
        if (result.Scenario.IsCut || result.Run.Threw) yield break;
        foreach (string path in Directory.EnumerateFiles(result.Folder, "*", SearchOption.AllDirectories).Where(path => !returned.Contains(path)))
        {
            yield return $"The right bytes: {Path.GetFileName(path)} was left behind.";
        }
    }

    private static IEnumerable<string> TheKeyStaysSecret(ScenarioResult result, Books books)
    {
        foreach (string key in books.Keys.Where(key => result.AllText.Contains(key, StringComparison.Ordinal))) yield return $"The key stays secret: {key.Length} characters of it are shown.";
        if (books.Requests.Any(request => request.IsStorage && request.HasAuthorization)) yield return "The key stays secret: it went to the storage host.";
        if (books.Requests.Any(request => request.IsStorage && request.Method != "GET")) yield return "The key stays secret: something was sent to the storage host.";
        if (result.SentKeyElsewhere || books.Requests.Any(request => request.HasAuthorization && !request.Authorized)) yield return "The key stays secret: it went to another service.";
        if (books.Keys.Any(key => books.Requests.Any(request => request.Body.Contains(key, StringComparison.Ordinal)))) yield return "The key stays secret: it is in the body of a request.";
    }

    private static bool IsOf(ErrorRecord error, string cmdlet) => error.FullyQualifiedErrorId.EndsWith(cmdlet, StringComparison.Ordinal);

    private static string IdOf(ErrorRecord error) => error.FullyQualifiedErrorId.Split(',')[0];
}
