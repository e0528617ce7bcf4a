using System.Globalization;
using System.Text.Json.Nodes;
using ComfyDeploy.Client;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>
/// Batches whose process is killed between any two requests and started again, at random: nothing is paid for twice, nothing is lost, and
/// at the end nothing is left to do.
/// </summary>
[Collection(ProcessWide.Name)]
public sealed class ManifestCampaignTests : IDisposable
{
    private const ulong ShortSeed = 20261124;
    private const int ShortCount = 30;
    private const int PartSize = 100;
    private const int MostCalls = 12;
    private static readonly DateTime Start = new(2026, 11, 23, 19, 0, 0, DateTimeKind.Utc);
    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("COMFY_CAMPAIGN_COUNT") ?? "10000", CultureInfo.InvariantCulture);
    private static readonly ulong Seed = ulong.Parse(Environment.GetEnvironmentVariable("COMFY_CAMPAIGN_SEED") ?? "20261124", CultureInfo.InvariantCulture);

    private readonly EngineFixture _engine = new();
    private readonly TemporaryFolder _files = new();

    public ManifestCampaignTests()
    {
        ScenarioFiles.WriteTo(_files.Path);
        _engine.Set("files", _files.Path);
    }

    public static TheoryData<int> Parts => [.. Enumerable.Range(0, (Count + PartSize - 1) / PartSize)];

    public void Dispose()
    {
        _engine.Dispose();
        _files.Dispose();
    }

    [Fact]
    public void A_batch_goes_on_where_it_was_killed() => Run(ShortSeed, 0, ShortCount);

    [Theory]
    [Trait("Category", "Campaign")]
    [MemberData(nameof(Parts))]
    public void A_batch_goes_on_where_it_was_killed_in_the_long_run(int part) => Run(Seed, part * PartSize, PartSize);

    private void Run(ulong seed, int first, int count)
    {
        List<string> failures = [];
        for (int index = first; index < first + count; index++)
        {
            ManifestScenario scenario = ManifestScenario.Make(seed, index);
            string[] broken = [.. Check(scenario)];
            if (broken.Length > 0) failures.Add($"Scenario {index}: {string.Join(Environment.NewLine, broken)}{Environment.NewLine}{scenario}");
        }
        Assert.True(failures.Count == 0, $"{failures.Count} of {count}:{Environment.NewLine}{string.Join(Environment.NewLine + Environment.NewLine, failures.Take(4))}");
    }

    private IEnumerable<string> Check(ManifestScenario scenario)
    {
        using TemporaryFolder folder = new();
        using TemporaryFolder outputs = new();
        using ComfyEmulator emulator = ComfyEmulator.WithoutSockets(new() { Speed = 0, StartTime = Start }, "one");
        VirtualClock clock = new(Start, emulator.Advance);
        string manifest = Path.Combine(folder.Path, "night.jsonl");
        _engine.Set("manifest", manifest);
        _engine.Set("folder", outputs.Path);
        List<string> broken = [];
        foreach (ManifestCall call in scenario.Calls)
        {
            Call(scenario, scenario.Script, call, emulator, clock, manifest);
            broken.AddRange(NothingTwice(scenario, emulator));
            broken.AddRange(NothingLost(emulator, clock.Now, manifest));
            clock.Skip(TimeSpan.FromSeconds(call.Pause));
        }
        ManifestCall last = new(null, false, false, [], 120);
        for (int calls = 0; ; calls++)
        {
            int before = emulator.Runs.Count;
            EngineRun run = Call(scenario, scenario.Script, last, emulator, clock, manifest);
            if (run.Objects.Count < scenario.Rows.Count && !scenario.Command.Contains("Save", StringComparison.Ordinal)) broken.Add($"Rows in = objects out: {run.Objects.Count} of {scenario.Rows.Count}.");
            clock.Skip(TimeSpan.FromSeconds(last.Pause));
            bool isLeft = emulator.Runs.Count > before || RunsOf(run).Any(item => item.RunId is null);
            // What is cancelled each time because it is late is queued each time.
            if (!isLeft || scenario.StopsLate) break;
            if (calls == MostCalls)
            {
                broken.Add($"It never ends: {string.Join("; ", run.Errors.Select(error => error.ToString()))} {string.Join("; ", RunsOf(run).Select(item => $"{item.RunId} {item.Status} {item.Error}"))}");
                break;
            }
        }
        broken.AddRange(NothingTwice(scenario, emulator));
        broken.AddRange(NothingLost(emulator, clock.Now, manifest));
        if (scenario.StopsLate) return broken.Distinct();
        broken.AddRange(ARunForEachRow(scenario, emulator));
        broken.AddRange(CheckRestarts(scenario, emulator, clock, manifest));
        return broken.Distinct();
    }

    /// <summary>What has failed is started again, at most once in each call, and never while an attempt is under way.</summary>
    private IEnumerable<string> CheckRestarts(ManifestScenario scenario, ComfyEmulator emulator, VirtualClock clock, string manifest)
    {
        foreach (ManifestCall call in scenario.Restarts)
        {
            HashSet<string> before = [.. emulator.Runs.Select(run => run.RunId)];
            Call(scenario, scenario.RestartScript, call, emulator, clock, manifest);
            foreach (IGrouping<string, EmulatorRun> same in emulator.Runs.GroupBy(run => Books.PromptOf(run.Inputs)))
            {
                int rows = scenario.Rows.Count(row => row.Prompt == same.Key);
                int added = same.Count(run => !before.Contains(run.RunId));
                int unfinished = same.Count(run => !Books.IsOver(run));
                if (added > rows || unfinished > rows) yield return $"A restart is one attempt: {added} runs were added and {unfinished} are unfinished, of {rows} rows '{same.Key}'.";
            }
            foreach (string lost in NothingLost(emulator, clock.Now, manifest)) yield return lost;
            clock.Skip(TimeSpan.FromSeconds(call.Pause));
        }
        if (scenario.Restarts.Count == 0) yield break;
        ManifestCall last = new(null, false, false, [], 120);
        // One settles what the last restart left, and then nothing is left.
        Call(scenario, scenario.Script, last, emulator, clock, manifest);
        clock.Skip(TimeSpan.FromSeconds(last.Pause));
        int runs = emulator.Runs.Count;
        Call(scenario, scenario.Script, last, emulator, clock, manifest);
        if (emulator.Runs.Count != runs) yield return $"Nothing is left: {emulator.Runs.Count - runs} runs were queued again after the restarts.";
    }

    private EngineRun Call(ManifestScenario scenario, string script, ManifestCall call, ComfyEmulator emulator, VirtualClock clock, string manifest)
    {
        Scenario one = new() { Flow = Flow.Start, Rows = [], Faults = call.Faults, HasLatency = scenario.HasLatency, StopAtRequest = call.KilledAt, StoppedRequestArrives = call.Arrives };
        EmulatorHandler handler = new([emulator], one, clock);
        // Another process knows nothing of the runs of this one.
        ComfyConnection connection = new("c", emulator.BaseUri, emulator.ApiKey.Copy(), ApiKeyOwner.Read(emulator.ApiKey), ScenarioRunner.RequestTimeout);
        ApiSession.Attach(new(connection, handler, clock) { ConnectStorage = _ => new(handler) });
        _engine.Set("c", connection);
        byte[]? left = null;
        handler.Kill = () => left = File.Exists(manifest) ? File.ReadAllBytes(manifest) : [];
        using ManualResetEventSlim begun = new();
        Underway? underway = null;
        Thread stop = new(() =>
        {
            begun.Wait();
            underway!.Stop();
        });
        handler.PressStop = stop.Start;
        EngineRun run;
        using (underway = _engine.Begin(script))
        {
            begun.Set();
            run = underway.Finish();
            if (!stop.ThreadState.HasFlag(ThreadState.Unstarted)) stop.Join();
        }
        if (left is null) return run;
        File.WriteAllBytes(manifest, call.IsTorn && left.Length > 0 ? [.. left, .. "{\"event\":\"queued\",\"key\":\"0"u8] : left);
        return run;
    }

    private static IEnumerable<ComfyRun> RunsOf(EngineRun run) => run.Objects.Select(item => item.BaseObject).OfType<ComfyRun>();

    private static IEnumerable<string> NothingTwice(ManifestScenario scenario, ComfyEmulator emulator)
    {
        ILookup<string, EmulatorRun> runs = emulator.Runs.Where(run => run.Status != "cancelled").ToLookup(run => Books.PromptOf(run.Inputs));
        foreach (IGrouping<string, EmulatorRun> same in runs)
        {
            int rows = scenario.Rows.Count(row => row.Prompt == same.Key);
            if (same.Count() > rows) yield return $"Nothing twice: {same.Count()} runs of {rows} rows '{same.Key}'.";
        }
    }

    /// <summary>What must hold after every call, however it ended: no run is unknown, and no line builds on one that is lost.</summary>
    private static IEnumerable<string> NothingLost(ComfyEmulator emulator, DateTime now, string manifest)
    {
        JsonNode[] lines = File.Exists(manifest) ? [.. File.ReadAllText(manifest).Split('\n')[..^1].Select(line => JsonNode.Parse(line)!)] : [];
        HashSet<string> intended = [];
        HashSet<string> known = [];
        Dictionary<string, (DateTime At, string Prompt)> open = [];
        foreach (JsonNode line in lines.Skip(1))
        {
            string key = (string)line["key"]!;
            if ((string)line["event"]! == "intent")
            {
                intended.Add(key);
                open[key] = ((DateTime)line["at"]!, (string)line["inputs"]!["prompt"]!);
            }
            else if (!intended.Contains(key)) yield return $"The journal builds on lost lines: {line.ToJsonString()}";
            else open.Remove(key);
            if ((string?)line["run"] is { } id) known.Add(id);
        }
        string[] unknown = [.. emulator.Runs.Where(run => !known.Contains(run.RunId)).Where(run => !open.Values.Any(intent => intent.Prompt == Books.PromptOf(run.Inputs))).Select(run => $"{run.RunId} {run.Inputs}")];
        if (unknown.Length > 0) yield return $"Nothing lost: at {now:T} the journal does not know {string.Join(", ", unknown)}.";
    }

    private static IEnumerable<string> ARunForEachRow(ManifestScenario scenario, ComfyEmulator emulator)
    {
        ILookup<string, EmulatorRun> runs = emulator.Runs.ToLookup(run => Books.PromptOf(run.Inputs));
        foreach (IGrouping<string, Row> same in scenario.Rows.GroupBy(row => row.Prompt).Where(same => runs[same.Key].Count() != same.Count()))
        {
            yield return $"A run for each row: {runs[same.Key].Count()} runs of {same.Count()} rows '{same.Key}'.";
        }
    }
}
