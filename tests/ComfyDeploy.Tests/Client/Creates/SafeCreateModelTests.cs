using System.Text.Json.Nodes;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>
/// A thousand seeded rounds of parallel creates, many of them lost, some intentionally identical, while others queue too: never more runs
/// than requested, never one assigned twice, never one that does not exist.
/// </summary>
public sealed class SafeCreateModelTests
{
    private const int Rounds = 1000;
    private static readonly CreateFault[] Faults = Enum.GetValues<CreateFault>();

    // Two deployments, and of one workflow two versions, one of them on two machines, and two graphs that its list does not tell apart.
    private static readonly CreateTarget[] Targets =
    [
        new DeploymentTarget("d0", "d0"), new DeploymentTarget("d1", "d1"),
        new VersionTarget("v0", "w", "m0", "v0"), new VersionTarget("v1", "w", "m0", "v1"), new VersionTarget("v1", "w", "m1", "v1"),
        new GraphTarget("""{"0":{}}""", "w", "m0", "g0"), new GraphTarget("""{"1":{}}""", "w", "m0", "g1"),
    ];

    [Fact]
    public async Task No_fault_makes_an_extra_run_or_assigns_one_twice()
    {
        Tally tally = new();
        for (int seed = 0; seed < Rounds; seed++) await new Round(seed, tally).PlayAsync().WaitAsync(ClientUnderTest.Limit);
        // Each kind of outcome occurred many times.
        Assert.InRange(tally.Answered, 500, int.MaxValue);
        Assert.InRange(tally.Adopted, 300, int.MaxValue);
        Assert.InRange(tally.AdoptedTwins, 30, int.MaxValue);
        Assert.InRange(tally.Ambiguous, 300, int.MaxValue);
        Assert.InRange(tally.Definite, 100, int.MaxValue);
        Assert.InRange(tally.Resent, 100, int.MaxValue);
    }

    private sealed class Tally
    {
        internal int Answered, Adopted, AdoptedTwins, Ambiguous, Definite, Resent;
    }

    private sealed record Intent(int Number, CreateTarget Target, string Inputs, bool HasTwins);

    private sealed record Outcome(Intent Intent, string? Id, string? ErrorId);

    private sealed class Round
    {
        private readonly int _seed;
        private readonly Tally _tally;
        private readonly ManualClock _clock = new();
        private readonly ModelService _service;
        private readonly Intent[] _intents;
        private readonly bool _othersQueueTheSame;
        private readonly bool _readsFail;
        private int _step;

        internal Round(int seed, Tally tally)
        {
            (_seed, _tally) = (seed, tally);
            Random random = new(seed);
            _othersQueueTheSame = random.Next(10) == 0;
            _readsFail = random.Next(5) == 0;
            CreateTarget[] targets = random.Next(4) == 0 ? Targets[^2..] : [.. Targets.OrderBy(_ => random.Next()).Take(random.Next(1, 4))];
            int kinds = random.Next(1, 8);
            (CreateTarget Target, string Inputs)[] wanted = [.. Enumerable.Range(0, random.Next(2, 9))
                .Select(_ => (targets[random.Next(targets.Length)], InputsOf(random.Next(kinds))))];
            _intents = [.. wanted.Select((want, i) => new Intent(i + 1, want.Target, want.Inputs,
                wanted.Count(other => (other.Target.RowKey, other.Inputs) == (want.Target.RowKey, want.Inputs)) > 1))];
            _service = new(_clock)
            {
                ClockAhead = TimeSpan.FromSeconds(random.Next(-300, 300)),
                ListedAfter = TimeSpan.FromSeconds(random.Next(4)),
                FaultOf = (intent, sent) => PickFault(new(HashCode(intent, sent))),
                Between = BetweenAsync,
                FailRead = _readsFail ? _ => IsOneIn(8) : null,
                HangRead = _readsFail ? _ => IsOneIn(8) : null,
            };
        }

        internal async Task PlayAsync()
        {
            ApiSession session = new(ClientUnderTest.Connect(), new ScriptedHandler(_service.AnswerAsync), _clock);
            Outcome[] outcomes = await Task.WhenAll(_intents.Select(intent => Task.Run(() => CreateAsync(session, intent))));
            ModelRun[] runs = [.. _service.Runs];
            Check(runs.Count(run => run.Intent is not null) <= _intents.Length, "more runs than were meant");
            string[] ids = [.. outcomes.Where(outcome => outcome.Id is not null).Select(outcome => outcome.Id!)];
            Check(ids.Distinct().Count() == ids.Length, "a run was handed out twice");
            foreach (Outcome outcome in outcomes) Judge(outcome, runs);
        }

        private void Judge(Outcome outcome, ModelRun[] runs)
        {
            Intent intent = outcome.Intent;
            CreateFault[] posts = [.. _service.Posts.Where(post => post.Intent == intent.Number).Select(post => post.Fault)];
            CreateFault last = posts[^1];
            Check(posts[..^1].All(fault => fault is CreateFault.Throttled or CreateFault.Refused), $"sent again after {string.Join(", ", posts)}");
            Check(runs.Count(run => run.Intent == intent.Number) == (last.IsTaken() ? 1 : 0), "the service made another number of runs");
            if (posts.Length > 1) _tally.Resent++;
            if (outcome.Id is { } id)
            {
                ModelRun? run = Array.Find(runs, run => run.Id == id);
                Check(run is not null, "a run that is not there");
                Check(JsonNode.DeepEquals(JsonNode.Parse(run!.Inputs), JsonNode.Parse(intent.Inputs)), "a run of other inputs");
                Check(IsOf(run, intent.Target), "a run of another target");
                Check(_othersQueueTheSame || run.Intent is not null, "a run that is somebody else's");
                Check(last != CreateFault.None || run.Intent == intent.Number, "another run than the answer's");
                if (last == CreateFault.None) _tally.Answered++;
                else if (intent.HasTwins) _tally.AdoptedTwins++;
                else _tally.Adopted++;
                return;
            }
            Check(outcome.ErrorId == ErrorIds.AmbiguousCreate ? last.IsUnknown() : !last.IsTaken() && !last.IsUnknown(), $"{last} ended in {outcome.ErrorId}");
            if (outcome.ErrorId == ErrorIds.AmbiguousCreate) _tally.Ambiguous++;
            else _tally.Definite++;
            bool clear = last.IsTaken() && !intent.HasTwins && !_othersQueueTheSame && !_readsFail;
            Check(!clear, $"{last} of a run without its like was not found");
        }

        private static async Task<Outcome> CreateAsync(ApiSession session, Intent intent)
        {
            ComfyDeployClient client = new(session, new RecordingLog());
            try
            {
                Uri mark = new($"https://hook.test/{intent.Number}");
                return new(intent, await client.CreateRunAsync(new(intent.Target, intent.Inputs, null, mark, false), default), null);
            }
            catch (ComfyDeployException e)
            {
                return new(intent, null, e.ErrorId);
            }
        }

        private bool IsOneIn(int number) => new Random(HashCode(-1, Interlocked.Increment(ref _step))).Next(number) == 0;

        private async Task BetweenAsync()
        {
            Random random = new(HashCode(-2, Interlocked.Increment(ref _step)));
            if (random.Next(3) == 0) await Task.Yield();
            if (random.Next(6) != 0) return;
            string inputs = _othersQueueTheSame ? _intents[random.Next(_intents.Length)].Inputs : InputsOf(1000 + random.Next(9));
            CreateTarget target = _intents[random.Next(_intents.Length)].Target;
            if (target is WorkflowTarget workflow) _service.OtherRun(inputs, workflow.WorkflowVersionId, workflow.MachineId);
            else _service.OtherRun(inputs, TimeSpan.Zero, target.ListId);
        }

        // Of a run that another process queued, not even its owner could tell the graph.
        private static bool IsOf(ModelRun run, CreateTarget target) => target is WorkflowTarget workflow
            ? (run.Deployment, run.Version, run.Machine) == (null, workflow.WorkflowVersionId, workflow.MachineId) && (run.Intent is null || run.Graph == workflow.Unlisted)
            : run.Deployment == target.ListId;

        private static CreateFault PickFault(Random random) => random.Next(4) == 0 ? CreateFault.None : Faults[random.Next(Faults.Length)];

        private static string InputsOf(int kind) => $$"""{"prompt":"kind {{kind}}","seed":{{kind}}}""";

        private int HashCode(int a, int b) => unchecked((((_seed * 397) ^ a) * 397) ^ b);

        private void Check(bool holds, string otherwise) => Assert.True(holds, $"seed {_seed}: {otherwise}");
    }
}
