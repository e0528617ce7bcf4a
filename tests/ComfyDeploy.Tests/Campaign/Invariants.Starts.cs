using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Campaign;

// What holds for runs that are started several at a time, with files and with deployments of their own.
internal static partial class Invariants
{
    private const int MostAtOnce = Throttle.DefaultLimit;

    /// <summary>
    /// Every run is that of a row, with the deployment and the file of that row. A row whose file cannot be uploaded, or whose deployment
    /// does not exist, has none.
    /// </summary>
    private static IEnumerable<string> EveryRunIsOfARow(ScenarioResult result, Books books)
    {
        if (result.Scenario.HasEarlierRuns) yield break;
        ILookup<StoredRun, Row> rows = Startable(result.Scenario);
        foreach (IGrouping<StoredRun, StoredRun> same in books.Stored.GroupBy(run => run).Where(same => same.Count() > rows[same.Key].Count()))
        {
            yield return $"Every run is of a row: {same.Count()} runs of {rows[same.Key].Count()} rows: {same.Key}.";
        }
    }

    /// <summary>A row is refused for what is wrong with itself, or with what all rows need.</summary>
    private static IEnumerable<string> OnlyItsOwnRowsAreRefused(ScenarioResult result, Books books)
    {
        Scenario scenario = result.Scenario;
        if (scenario.HasEarlierRuns || !EmitsEveryRow.Contains(scenario.Flow) || result.WasEnded) yield break;
        IReadOnlyCollection<PlannedFault> faults = scenario.HasSockets ? scenario.Faults : result.FaultsMet;
        HashSet<string> vanished = [.. faults.Select(fault => fault.Deployment).OfType<string>()];
        bool isRefused = faults.Any(fault => fault.Deployment is null && fault.Route is ServiceRoute.Any or ServiceRoute.Create or ServiceRoute.Deployments or ServiceRoute.Upload);
        bool isLate = scenario.Deadline is { } deadline && (scenario.HasSockets || result.Duration.TotalSeconds >= deadline);
        if (isRefused || isLate || (!scenario.HasColumn && vanished.Count > 0)) yield break;
        ILookup<StoredRun, StoredRun> runs = books.Stored.ToLookup(run => run);
        foreach (IGrouping<StoredRun, Row> same in Startable(scenario).Where(same => !vanished.Contains(same.First().Deployment) && same.Count() != runs[same.Key].Count()))
        {
            yield return $"Only its own rows are refused: {runs[same.Key].Count()} runs of {same.Count()} rows: {same.Key}.";
        }
    }

    private static ILookup<StoredRun, Row> Startable(Scenario scenario) => scenario.Rows
        .Select((row, i) => (Row: row, Account: scenario.HasTwoConnections ? i % 2 : 0))
        .Where(item => ScenarioDeployments.IdOf(item.Row.Deployment) is not null && (item.Row.File is null || ScenarioFiles.CanBeUploaded(item.Row.File)))
        .ToLookup(
            item => new StoredRun(item.Account, ScenarioDeployments.IdOf(item.Row.Deployment), item.Row.Prompt, ContentOf(item.Row)),
            item => item.Row);

    private static string? ContentOf(Row row) => row.File is null ? null : ScenarioFiles.ContentOf(row.File);

    private static IEnumerable<string> RowsKeepTheirOrder(ScenarioResult result, Books books)
    {
        Scenario scenario = result.Scenario;
        if (scenario.HasEarlierRuns || scenario.Flow is Flow.StartWait or Flow.StartWaitStopOnTimeout) yield break;
        Dictionary<string, StoredRun> stored = books.StoredById;
        // Each connection is a call of its own.
        Queue<Row> rows = new(scenario.HasTwoConnections
            ? scenario.Rows.Where((_, i) => i % 2 == 0).Concat(scenario.Rows.Where((_, i) => i % 2 == 1))
            : scenario.Rows);
        IEnumerable<ComfyRun> runs = (scenario.Flow == Flow.Start ? result.Written : result.Started).Select(item => item.BaseObject).OfType<ComfyRun>();
        foreach (ComfyRun run in runs)
        {
            // What ends the pipeline may cost an object, which is then named, but never changes the order of the others.
            while (rows.Count > 0 && !IsOf(rows.Peek(), run, stored)) rows.Dequeue();
            if (!rows.TryDequeue(out _))
            {
                yield return $"Rows keep their order: {run.RunId ?? run.Error} '{run.Label}' of {run.DeploymentName} with {run.InputsJson} is out of it.";
                yield break;
            }
        }
    }

    private static bool IsOf(Row row, ComfyRun run, Dictionary<string, StoredRun> stored) =>
        (run.Label ?? string.Empty) == row.Label
        && Books.PromptOf(run.InputsJson!) == row.Prompt
        && (run.DeploymentId is null || run.DeploymentId == ScenarioDeployments.IdOf(row.Deployment))
        && (run.RunId is null || !stored.TryGetValue(run.RunId, out StoredRun? known)
            || (row.File is null ? known.Image is null : ScenarioFiles.CanBeUploaded(row.File) && known.Image == ContentOf(row)));

    private static IEnumerable<string> EachContentIsUploadedOnce(ScenarioResult result, Books books)
    {
        // One whose answer was lost is repeated.
        bool mayRepeat = result.Scenario.HasSockets
            ? result.Scenario.HasFault(ServiceRoute.Upload)
            : result.FaultsMet.Any(fault => fault.Route is ServiceRoute.Upload or ServiceRoute.Any && FaultyAnswer.ComesAfterTheService(fault));
        if (mayRepeat) yield break;
        foreach (string twice in books.UploadedTwice) yield return $"Each content is uploaded once: {twice}.";
    }

    /// <summary>No more runs are unfinished than were asked for; one of a lost answer has no slot.</summary>
    private static IEnumerable<string> OnlySoManyAreInFlight(ScenarioResult result)
    {
        if (result.Scenario.MaxInFlight + AmbiguousCreates(result) < result.MostUnfinished)
            yield return $"Only so many are in flight: {result.MostUnfinished} runs were unfinished.";
    }

    private static IEnumerable<string> AFewAtATime(ScenarioResult result)
    {
        if (result.MostCreates > MostAtOnce) yield return $"A few at a time: {result.MostCreates} creates were under way.";
        // Those under way when the first is refused are refused too, and no other is sent.
        int calls = result.Scenario.HasTwoConnections ? 2 : 1;
        int deployments = result.FaultsMet.Select(fault => fault.Deployment).OfType<string>().Distinct().Count();
        if (result.Vanished > MostAtOnce * calls * deployments) yield return $"A few at a time: {result.Vanished} creates were told that their deployment has vanished.";
    }
}
