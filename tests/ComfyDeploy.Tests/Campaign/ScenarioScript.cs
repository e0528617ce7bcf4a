namespace ComfyDeploy.Tests.Campaign;

/// <summary>Writes a scenario as the script that a user would run.</summary>
internal static class ScenarioScript
{
    private const string Collect = "-ErrorVariable +errs -WarningVariable +warns";

    /// <summary>
    /// The script; it leaves what its last cmdlet of runs wrote in $written, what one before it started in $started, and the messages in $errs and
    /// $warns, where a preference cannot hide them. In it, $c and $d are
    /// connections, $ids are earlier runs, $folder is a folder and $files is another one, with the files of the rows.
    /// </summary>
    internal static string Of(Scenario scenario) => string.Join(Environment.NewLine,
    [
        $"$ErrorActionPreference = '{scenario.Preferences.Error}'; $WarningPreference = '{scenario.Preferences.Warning}'",
        $"$DebugPreference = '{scenario.Preferences.Debug}'; $VerbosePreference = '{scenario.Preferences.Verbose}'; $InformationPreference = '{scenario.Preferences.Information}'",
        .. scenario.HasEarlierRuns ? Earlier(scenario) : [.. Rows("rows", scenario, 0), .. Rows("others", scenario, 1)],
        .. scenario.Flow == Flow.StartThenWait ? [$"$runs = @(); $runs = {Started(scenario, "Start-ComfyRun", "started")}"] : (string[])[],
        $"do {{ {Pipeline(scenario)}{Downstream(scenario)} }} while ($false)",
    ]);

    private static IEnumerable<string> Earlier(Scenario scenario) =>
        scenario.Rows.Select(row => $"# An earlier run: {row.Prompt}");

    private static IEnumerable<string> Rows(string name, Scenario scenario, int part)
    {
        IEnumerable<Row> rows = scenario.HasTwoConnections ? scenario.Rows.Where((_, i) => i % 2 == part) : part == 0 ? scenario.Rows : [];
        return part == 1 && !scenario.HasTwoConnections
            ? []
            : [$"${name} = @({string.Join(", ", rows.Select(row => RowOf(scenario, row)))})"];
    }

    private static string RowOf(Scenario scenario, Row row)
    {
        string deployment = scenario.HasColumn ? $"; where = '{row.Deployment}'" : string.Empty;
        string image = row.File is null ? string.Empty : $"; image = {(row.IsPath ? "" : "[IO.FileInfo]")}\"$files/{row.File}\"";
        return $"[pscustomobject]@{{ prompt = '{row.Prompt}'; name = '{row.Label}'{deployment}{image} }}";
    }

    private static string Pipeline(Scenario scenario)
    {
        string timeout = scenario.Deadline is { } seconds ? $" -Timeout {seconds}" : string.Empty;
        string Wait(string options) => $"{Started(scenario, "Start-ComfyRun", "started")} | Wait-ComfyRun{options}{timeout} {Collect} -OutVariable +written";
        return scenario.Flow switch
        {
            Flow.Start => Started(scenario, "Start-ComfyRun", "written"),
            Flow.StartWait => Started(scenario, $"Start-ComfyRun -Wait{timeout}", "written"),
            Flow.StartWaitStopOnTimeout => Started(scenario, $"Start-ComfyRun -Wait -StopOnTimeout{timeout}", "written"),
            Flow.StartPipeWait => Wait(string.Empty),
            Flow.StartThenWait => $"$runs | Wait-ComfyRun{timeout} {Collect} -OutVariable +written",
            Flow.WaitAny => Wait(" -Any"),
            Flow.WaitCount => Wait($" -Count {Math.Max(1, scenario.Rows.Count / 2)}"),
            Flow.WaitInOrder => Wait(" -InOrder"),
            Flow.WaitStopOnTimeout => Wait(" -StopOnTimeout"),
            Flow.WaitThrowOnFailure => Wait(" -ThrowOnFailure"),
            Flow.WaitSave => $"{Wait(string.Empty)} | Save-ComfyRunOutput $folder {Collect}",
            Flow.GetActiveStop => $"Get-ComfyRun -Active -Connection $c {Collect} | Stop-ComfyRun -PassThru {Collect} -OutVariable +written",
            Flow.GetStatusStop =>
                $"Get-ComfyRun -Status queued, not-started -Workflow portrait -Connection $c {Collect} | Stop-ComfyRun -PassThru {Collect} -OutVariable +written",
            _ => $"$ids | Stop-ComfyRun -PassThru -Wait{timeout} -Connection $c {Collect} -OutVariable +written",
        };
    }

    // A dot, not an ampersand: the variables that collect belong to this scope.
    private static string Started(Scenario scenario, string start, string variable)
    {
        string deployment = scenario.HasColumn ? "-DeploymentColumn where" : ScenarioDeployments.Usual;
        if (scenario.MaxInFlight is { } inFlight) deployment += $" -MaxInFlight {inFlight}";
        // There, no wait behind it ends it.
        if (scenario.MaxInFlight is not null && scenario is { Flow: Flow.Start or Flow.StartThenWait, Deadline: { } seconds }) deployment += $" -Timeout {seconds}";
        string One(string rows, string connection) =>
            $"${rows} | {start} {deployment} -LabelColumn name -Connection ${connection} {Collect} -OutVariable +{variable}";
        return scenario.HasTwoConnections ? $". {{ {One("rows", "c")}; {One("others", "d")} }}" : One("rows", "c");
    }

    private static string Downstream(Scenario scenario) => scenario.Downstream switch
    {
        // What Select-Object -First does, which this engine lacks: the rest of the pipeline ends without its EndProcessing.
        Campaign.Downstream.TakesFirst => $" | ForEach-Object {{ $_; if (++$taken -ge {scenario.Enough}) {{ break }} }}",
        Campaign.Downstream.Throws => $" | ForEach-Object {{ if (++$taken -ge {scenario.Enough}) {{ throw 'enough' }}; $_ }}",
        _ => string.Empty,
    };
}
