using System.Management.Automation;
using System.Text;
using System.Text.Json.Nodes;
using ComfyDeploy.Client;
using ComfyDeploy.Emulator;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>Runs scenarios one after the other in one session of the engine, each on services of its own.</summary>
internal sealed class ScenarioRunner : IDisposable
{
    /// <summary>The time limit of one request.</summary>
    internal static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);

    private const string Portrait = "00000030-0000-4000-8000-000000000030";
    private static readonly DateTime Start = new(2026, 11, 23, 19, 0, 0, DateTimeKind.Utc);
    private static readonly string[] Names = ["one", "two"];

    private readonly EngineFixture _engine = new();
    private readonly TemporaryFolder _files = new();

    internal ScenarioRunner()
    {
        ScenarioFiles.WriteTo(_files.Path);
        _engine.Set("files", _files.Path);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _files.Dispose();
    }

    /// <summary>Runs a scenario and judges it.</summary>
    internal Verdict Check(Scenario scenario)
    {
        using TemporaryFolder folder = new();
        ComfyEmulator[] emulators = [.. Names.Select((name, i) => Emulator(scenario, name, i))];
        try
        {
            ScenarioResult result = Run(scenario, emulators, folder.Path);
            Books books = new(emulators);
            return new(Invariants.Broken(result, books), result.FaultsMet, result.Summary(books));
        }
        finally
        {
            foreach (ComfyEmulator emulator in emulators) emulator.Dispose();
        }
    }

    private static ComfyEmulator Emulator(Scenario scenario, string name, int randomSeed) => scenario.HasSockets
        ? ComfyEmulator.Start(new() { Speed = SocketService.Speed, RandomSeed = randomSeed })
        : ComfyEmulator.WithoutSockets(new() { Speed = 0, RandomSeed = randomSeed, StartTime = Start }, name);

    private static void PlanFaults(ComfyEmulator emulator, Scenario scenario)
    {
        foreach (PlannedFault fault in scenario.Faults) emulator.AddFault(SocketService.Grammar(fault)!);
    }

    private ScenarioResult Run(Scenario scenario, ComfyEmulator[] emulators, string folder)
    {
        IClock clock = scenario.HasSockets ? new FastClock(emulators[0]) : new VirtualClock(Start, step => Array.ForEach(emulators, e => e.Advance(step)));
        EmulatorHandler handler = new(emulators, scenario, clock as VirtualClock);
        string[] ids = scenario.HasEarlierRuns ? [.. scenario.Rows.Select(row => Queue(emulators[0], row.Prompt))] : [];
        _engine.Set("c", Connect(scenario, emulators[0], "c", clock, handler));
        _engine.Set("d", Connect(scenario, emulators[1], "d", clock, handler));
        foreach ((string name, object? value) in (ReadOnlySpan<(string, object?)>)[("ids", ids), ("folder", folder), ("taken", 0), ("written", null), ("started", null), ("errs", null), ("warns", null), ("runs", null)])
        {
            _engine.Set(name, value);
        }
        if (scenario.KnowsDeployments) Untroubled(handler, "Get-ComfyDeployment");
        if (scenario.HasSockets) Array.ForEach(emulators, emulator => PlanFaults(emulator, scenario));
        DateTime began = clock.Now;
        EngineRun run;
        using (ManualResetEventSlim begun = new())
        {
            Underway? underway = null;
            // A thread of its own: one of the pool would count as work that is still to be done.
            Thread stop = new(() =>
            {
                begun.Wait();
                underway!.Stop();
            });
            handler.PressStop = stop.Start;
            using (underway = _engine.Begin(ScenarioScript.Of(scenario)))
            {
                begun.Set();
                run = underway.Finish();
                if (!stop.ThreadState.HasFlag(ThreadState.Unstarted)) stop.Join();
            }
        }
        TimeSpan duration = clock.Now - began;
        foreach (ComfyEmulator emulator in emulators) emulator.ClearFaults();
        IReadOnlyList<PSObject> written = Collected<PSObject>("written");
        IReadOnlyList<ErrorRecord> errors = [.. Collected<ErrorRecord>("errs").Concat(Collected<RuntimeException>("errs").Select(e => e.ErrorRecord)).Concat(run.Errors).DistinctBy(error => error.Exception)];
        IReadOnlyList<string> warnings = [.. Collected<object>("warns").Select(warning => warning.ToString()!).Concat(run.Warnings).Distinct()];
        EngineRun after = Untroubled(handler, "Get-ComfyRun -ThisSession");
        return new()
        {
            Scenario = scenario,
            Run = run,
            Written = written,
            Started = Collected<PSObject>("started"),
            Sent = handler.Sent,
            MostCreates = handler.MostCreates,
            MostUnfinished = handler.MostUnfinished,
            Vanished = handler.Vanished,
            SentKeyElsewhere = handler.SentKeyElsewhere,
            Errors = errors,
            Warnings = warnings,
            ThisSession = [.. after.Objects.Select(item => item.BaseObject).OfType<ComfyRun>().Select(known => known.RunId!)],
            Duration = duration,
            Folder = folder,
            FaultsMet = handler.Met,
            AllText = run.Everything() + after.Everything(),
        };
    }

    /// <summary>Runs a cmdlet on both connections, while no fault happens and no preference ends it.</summary>
    private EngineRun Untroubled(EmulatorHandler handler, string cmdlet)
    {
        handler.IsTroubled = false;
        EngineRun run = _engine.RunWithErrors(
            "$ErrorActionPreference = $WarningPreference = 'Continue'; $DebugPreference = $VerbosePreference = $InformationPreference = 'SilentlyContinue'; " +
            $"$c, $d | ForEach-Object {{ {cmdlet} -Connection $_ }}");
        handler.IsTroubled = true;
        return run;
    }

    private static ComfyConnection Connect(Scenario scenario, ComfyEmulator emulator, string name, IClock clock, EmulatorHandler handler)
    {
        ComfyConnection connection = new(name, emulator.BaseUri, emulator.ApiKey.Copy(), ApiKeyOwner.Read(emulator.ApiKey), RequestTimeout);
        ApiSession.Attach(scenario.HasSockets
            ? new(connection, new HttpClientHandler { AllowAutoRedirect = false }, clock)
            : new(connection, handler, clock) { ConnectStorage = _ => new(handler) });
        return connection;
    }

    /// <summary>Queues a run as another client would.</summary>
    internal static string Queue(ComfyEmulator emulator, string prompt, string deployment = Portrait)
    {
        HttpRequest request = new()
        {
            Method = "POST",
            Path = "/api/run/deployment/queue",
            Query = string.Empty,
            Headers = new Dictionary<string, string> { ["authorization"] = $"Bearer {emulator.ApiKey.Reveal()}", ["content-type"] = "application/json" },
            Body = Encoding.UTF8.GetBytes(new JsonObject { ["deployment_id"] = deployment, ["inputs"] = new JsonObject { ["prompt"] = prompt } }.ToJsonString()),
        };
        emulator.Handle(request, isStorage: false);
        return emulator.Runs[^1].RunId;
    }

    private List<T> Collected<T>(string variable) => _engine.Runspace.SessionStateProxy.GetVariable(variable) switch
    {
        System.Collections.IEnumerable items and not string => [.. items.Cast<object>().Select(item => item is T wanted ? wanted : (item as PSObject)?.BaseObject).OfType<T>()],
        _ => [],
    };
}

/// <summary>What a scenario showed.</summary>
/// <param name="Broken">The promises it broke; none is as it should be.</param>
/// <param name="FaultsMet">The faults that have happened.</param>
/// <param name="Summary">What came out, to compare with the same scenario at another time.</param>
internal sealed record Verdict(IReadOnlyList<string> Broken, IReadOnlyCollection<PlannedFault> FaultsMet, string Summary);
