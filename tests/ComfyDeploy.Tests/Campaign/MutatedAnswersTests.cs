using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;
using Xunit.Abstractions;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>Whatever the service answers, a cmdlet that reads ends in time, with documented errors and objects that exist.</summary>
[Collection(ProcessWide.Name)]
public sealed class MutatedAnswersTests(ITestOutputHelper output)
{
    private const int ShortCount = 400;
    private const int LongCount = 10_000;
    private const int PartSize = 500;
    private const int MaxAnswers = 4;
    private static readonly DateTime Start = new(2026, 11, 23, 19, 0, 0, DateTimeKind.Utc);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static readonly string[] Prompts = ["a #multi", "b #fail", "c #stuck"];

    private static readonly string[] Commands =
    [
        "Get-ComfyRun $ids[0] -Connection $c",
        "Get-ComfyRun $ids -Connection $c",
        "Get-ComfyRun -Workflow portrait -Connection $c",
        "Get-ComfyRun -Workflow portrait -Full -Connection $c",
        "Get-ComfyRun -Active -Connection $c",
        "Get-ComfyRunOutput $ids[0] -Connection $c",
        "Save-ComfyRunOutput $folder -RunId $ids[0] -Connection $c",
        "$ids | Wait-ComfyRun -Timeout 30 -Connection $c",
        "$ids | Stop-ComfyRun -PassThru -Connection $c",
        "Start-ComfyRun portrait @{ prompt = 'x' } -Connection $c",
        "Get-ComfyDeployment -Connection $c",
        "Test-ComfyConnection $c -Detailed",
        "Invoke-ComfyApi \"/run/$($ids[0])\" -Connection $c",
    ];

    public static TheoryData<int> Parts => [.. Enumerable.Range(0, LongCount / PartSize)];

    [Fact]
    public void Odd_answers_give_documented_errors_and_real_objects() => Run(0, ShortCount);

    [Theory]
    [Trait("Category", "Campaign")]
    [MemberData(nameof(Parts))]
    public void Ten_thousand_odd_answers_do_too(int part) => Run(ShortCount + (part * PartSize), PartSize);

    private void Run(int first, int count)
    {
        Dictionary<string, int> mutations = [];
        List<string> broken = [];
        TimeSpan longest = TimeSpan.Zero;
        using EngineFixture engine = new();
        for (int seed = first; seed < first + count; seed++)
        {
            Result result = Check(engine, seed);
            // The virtual clock runs away when a thread of the pool is slow to start; a real breach of time repeats.
            if (result.Time > Limit) result = Check(engine, seed);
            longest = result.Time > longest ? result.Time : longest;
            mutations[result.Mutation] = mutations.GetValueOrDefault(result.Mutation) + 1;
            broken.AddRange(result.Broken.Select(text => string.Create(CultureInfo.InvariantCulture, $"{seed}: {result.Command}: {result.Mutation}: {text}")));
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} answers from {first} on, the longest call {longest.TotalSeconds:0} s: {string.Join(", ", mutations.OrderBy(m => m.Key).Select(m => $"{m.Key} {m.Value}"))}"));
        Assert.True(broken.Count == 0, $"{broken.Count}{Environment.NewLine}{string.Join(Environment.NewLine, broken.Take(20))}");
    }

    private static Result Check(EngineFixture engine, int seed)
    {
        Random random = new(seed);
        string command = Commands[random.Next(Commands.Length)];
        using ComfyEmulator emulator = ComfyEmulator.WithoutSockets(new() { Speed = 0, StartTime = Start }, "one");
        using TemporaryFolder folder = new();
        VirtualClock clock = new(Start, emulator.Advance);
        using EmulatorHandler service = new([emulator], new() { Flow = Flow.Start, Rows = [] });
        using MutatingHandler handler = new(service, random.Next(MaxAnswers) + 1, random);
        ComfyConnection connection = new("c", emulator.BaseUri, emulator.ApiKey.Copy(), ApiKeyOwner.Read(emulator.ApiKey), TimeSpan.FromSeconds(30));
        ApiSession.Attach(new(connection, handler, clock) { ConnectStorage = _ => new(handler) });
        string[] ids = [.. Prompts.Select(prompt => ScenarioRunner.Queue(emulator, prompt))];
        emulator.Advance(TimeSpan.FromMinutes(5));
        DateTime began = clock.Now;
        EngineRun run = engine.RunWithErrors(command, ("c", connection), ("ids", ids), ("folder", folder.Path));
        TimeSpan time = clock.Now - began;
        return new(command, handler.Mutation ?? "none needed", time, [.. Broken(run, emulator, time)]);
    }

    private static IEnumerable<string> Broken(EngineRun run, ComfyEmulator emulator, TimeSpan time)
    {
        Dictionary<string, EmulatorRun> real = emulator.Runs.ToDictionary(r => r.RunId);
        foreach (ErrorRecord error in run.Errors.Where(error => !Invariants.Documented.Contains(error.FullyQualifiedErrorId.Split(',')[0]))) yield return $"{error.FullyQualifiedErrorId}: {error}";
        foreach (ErrorRecord error in run.Errors.Where(error => error.ToString().Length > 10_000)) yield return $"an error of {error.ToString().Length} characters";
        foreach (object? item in run.Objects.Select(item => item?.BaseObject))
        {
            switch (item)
            {
                case ComfyRun { RunId: null, Error: null }: yield return "a run without ID and reason"; break;
                case ComfyRun { RunId: { } id } when !real.ContainsKey(id) && id != AnswerMutation.AnotherRun: yield return $"run {id} is not on the service"; break;
                case ComfyStopResult { Outcome: "Cancelled", Status: not null } stopped when !(real.TryGetValue(stopped.RunId, out EmulatorRun? stopping) && stopping.Status == "cancelled"):
                    yield return $"{stopped.RunId} is reported as cancelled"; break;
            }
        }
        if (time > Limit) yield return $"it took {time}";
    }

    private sealed record Result(string Command, string Mutation, TimeSpan Time, IReadOnlyList<string> Broken);
}
