using System.Management.Automation;
using System.Reflection;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>The promises of the module, each checked against the books of the service.</summary>
internal static class Invariants
{
    /// <summary>The IDs of all documented errors.</summary>
    internal static readonly HashSet<string> Documented = [.. typeof(ErrorIds).GetFields(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
        .Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!)];

    // A preference of Stop, Ctrl+C, and the throw of the scenario's own downstream.
    private static readonly HashSet<string> OfTheEngine = ["ActionPreferenceStop", "PipelineStopped", "enough"];

    private static readonly HashSet<Flow> EmitsEveryRow =
        [Flow.Start, Flow.StartWait, Flow.StartPipeWait, Flow.WaitInOrder, Flow.WaitStopOnTimeout, Flow.WaitThrowOnFailure];

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan GraceOfCancels = TimeSpan.FromSeconds(60);

    /// <summary>What does not hold, in words.</summary>
    internal static IReadOnlyList<string> Broken(ScenarioResult result, Books books) =>
    [
        .. NothingTwice(result, books),
        .. NothingLost(result, books),
        .. RowsInAreObjectsOut(result, books),
        .. NothingBilledInSilence(result, books),
        .. OnlyDocumentedErrors(result),
        .. OnlyRealObjects(result, books),
        .. TimeIsBounded(result),
        .. TheRightBytes(result, books),
        .. TheKeyStaysSecret(result, books),
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
        if (result.Scenario.HasEarlierRuns) yield break;
        HashSet<string> known = [.. result.Runs.Select(run => run.RunId!), .. result.Named];
        // The first finished runs are enough there, and files are no runs; what Start-ComfyRun wrote is what its user has.
        bool writesLess = result.Scenario.Flow is Flow.WaitAny or Flow.WaitCount or Flow.WaitSave or Flow.StartThenWait;
        if (writesLess || result.WasEnded) known.UnionWith(result.Written.Select(item => item.BaseObject).OfType<ComfyRun>().Select(run => run.RunId!));
        if (result.Scenario.IsCut) known.UnionWith(result.ThisSession);
        string[] lost = [.. books.Runs.Where(run => !IsRefusedAtCreate(run) && !known.Contains(run.RunId)).Select(run => run.RunId)];
        int unknown = AmbiguousCreates(result);
        if (lost.Length > unknown) yield return $"Nothing lost: {lost.Length} runs are in no output, error or warning, {unknown} creates are called ambiguous: {string.Join(", ", lost)}.";
    }

    // It was answered with an error: no run was made that could cost something.
    private static bool IsRefusedAtCreate(EmulatorRun run) => run.Inputs.Contains("#createfail", StringComparison.Ordinal);

    private static int AmbiguousCreates(ScenarioResult result)
    {
        IEnumerable<ComfyRun> rows = result.Written.Concat(result.Run.Objects).Select(item => item.BaseObject).OfType<ComfyRun>().Distinct();
        const string Words = "It is not known whether";
        return Math.Max(
            rows.Count(run => run.RunId is null && run.Error?.Contains(Words, StringComparison.Ordinal) == true),
            result.Warnings.Count(warning => warning.Contains(Words, StringComparison.Ordinal)))
            + result.Errors.Count(error => IdOf(error) == ErrorIds.AmbiguousCreate);
    }

    private static IEnumerable<string> RowsInAreObjectsOut(ScenarioResult result, Books books)
    {
        Scenario scenario = result.Scenario;
        if (!EmitsEveryRow.Contains(scenario.Flow) || (result.WasEnded && scenario.Flow != Flow.WaitThrowOnFailure) || scenario.IsCut || scenario.Preferences.HasStop) yield break;
        if (result.Run.Threw && result.Errors.All(error => IdOf(error) != ErrorIds.RunFailed)) yield break;
        // With two connections, one of the two calls may have ended with such an error.
        if (scenario.HasTwoConnections && result.Errors.Any(error => error.FullyQualifiedErrorId.EndsWith(nameof(ComfyDeploy.Commands.StartComfyRunCommand), StringComparison.Ordinal))) yield break;
        // An error before the first row, such as a deployment that cannot be read: nothing was made, and the error says so.
        if (books.Runs.All(IsRefusedAtCreate) && result.Errors.Count > 0) yield break;
        HashSet<string> unreadable = [.. result.Errors.Where(error => IdOf(error) is ErrorIds.RunNotFound or ErrorIds.PollFailed)
            .SelectMany(error => ScenarioResult.IdsIn(ScenarioResult.TextOf(error)))];
        unreadable.ExceptWith(result.Runs.Select(run => run.RunId!));
        int expected = scenario.Rows.Count - unreadable.Count;
        if (result.Runs.Count != expected) yield return $"Rows in = objects out: {scenario.Rows.Count} rows, {result.Runs.Count} objects, {unreadable.Count} unreadable.";
    }

    private static IEnumerable<string> NothingBilledInSilence(ScenarioResult result, Books books)
    {
        bool stops = result.Scenario.Flow is Flow.WaitStopOnTimeout or Flow.StopWait or Flow.GetActiveStop or Flow.GetStatusStop;
        if (!stops || result.Scenario.StopAtRequest is not null) yield break;
        // A preference has ended the pipeline before the deadline: what was not received could not be stopped.
        if (result.Run.Threw && result.Errors.All(error => IdOf(error) is not (ErrorIds.WaitTimeout or ErrorIds.RunFailed))) yield break;
        bool lists = result.Scenario.Flow is Flow.GetActiveStop or Flow.GetStatusStop;
        // A list that failed has said so; what it did not show could not be stopped.
        if (lists && (result.Errors.Count > 0 || result.WasEnded)) yield break;
        if (result.Scenario.Downstream != Downstream.TakesAll) yield break;
        IEnumerable<EmulatorRun> wanted = result.Scenario.Flow == Flow.GetStatusStop ? books.Runs.Where(run => run.Status is "queued" or "not-started") : books.Runs;
        string[] silent = [.. wanted.Where(run => !Books.IsOver(run) && !IsRefusedAtCreate(run) && !result.Named.Contains(run.RunId)).Select(run => $"{run.RunId} {run.Status}")];
        if (silent.Length > AmbiguousCreates(result)) yield return $"Nothing billed in silence: {string.Join(", ", silent)}.";
    }

    private static IEnumerable<string> OnlyDocumentedErrors(ScenarioResult result) =>
        result.Errors.Where(error => !Documented.Contains(IdOf(error)) && !OfTheEngine.Contains(IdOf(error)))
            .Select(error => $"Only documented errors: {error.FullyQualifiedErrorId}: {error.Exception.GetType().Name}: {error}");

    private static IEnumerable<string> OnlyRealObjects(ScenarioResult result, Books books)
    {
        HashSet<string> real = [.. books.Runs.Select(run => run.RunId)];
        foreach (ComfyRun run in result.Written.Concat(result.Run.Objects).Select(item => item.BaseObject).OfType<ComfyRun>().Distinct())
        {
            if (run.RunId is null && string.IsNullOrEmpty(run.Error)) yield return "Only real objects: a run without ID and without a reason.";
            if (run.RunId is not null && !real.Contains(run.RunId)) yield return $"Only real objects: run {run.RunId} is not on the service.";
            if (run.RunId is not null && string.IsNullOrEmpty(run.Status)) yield return $"Only real objects: run {run.RunId} has no status.";
        }
        foreach (ComfyStopResult stopped in result.Run.Objects.Select(item => item.BaseObject).OfType<ComfyStopResult>())
        {
            if (stopped.Outcome == "Cancelled" && books.Runs.FirstOrDefault(run => run.RunId == stopped.RunId) is not { } run) yield return $"Only real objects: {stopped.RunId} is said to be cancelled and does not exist.";
            else if (stopped.Outcome == "Cancelled" && books.Runs.Any(run => run.RunId == stopped.RunId && !Books.IsOver(run))) yield return $"Nothing billed in silence: {stopped.RunId} is said to be cancelled and runs.";
        }
    }

    private static IEnumerable<string> TimeIsBounded(ScenarioResult result)
    {
        Scenario scenario = result.Scenario;
        // The time of Start-ComfyRun before a wait is its own, and fast time is not exact.
        bool startsSlowly = scenario.HasFault(ServiceRoute.Create, ServiceRoute.OwnRuns, ServiceRoute.Deployments);
        if (scenario.Deadline is not { } seconds || scenario.HasSockets || (startsSlowly && scenario.Flow != Flow.StopWait)) yield break;
        TimeSpan most = TimeSpan.FromSeconds(seconds) + Grace;
        // There each account is waited for by a call of its own.
        if (scenario.Flow == Flow.StartWait && scenario.HasTwoConnections) most *= 2;
        if (scenario.Flow is Flow.WaitStopOnTimeout or Flow.StopWait && scenario.Faults.Count > 0) most += GraceOfCancels;
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
    }

    private static string IdOf(ErrorRecord error) => error.FullyQualifiedErrorId.Split(',')[0];
}
