using ComfyDeploy.Client;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Campaign;
using CsCheck;

namespace ComfyDeploy.Tests.Client;

/// <summary>
/// Runs arrive, end and are canceled while lists are read, page after page and one page ahead: what was there all the time comes exactly
/// once, newest first.
/// </summary>
public sealed class MovingListPropertyTests
{
    private const int Iterations = 150;
    private const string Queued = "queued";
    private static readonly string[] Deployments = ["00000030-0000-4000-8000-000000000030", "00000033-0000-4000-8000-000000000033"];
    private static readonly string[] Workflows = ["00000020-0000-4000-8000-000000000020", "00000021-0000-4000-8000-000000000021"];

    private static readonly Gen<Case> Cases =
        from first in Gen.Int[0, 80]
        from second in Gen.Int[0, 40]
        from status in Gen.OneOf("", Queued, "success")
        from page in Gen.Int[1, 8]
        from events in Gen.OneOf(Event.None, Event.None, Event.Arrival, Event.ArrivalElsewhere, Event.End, Event.CancelTaken).Array[0, 160]
        select new Case([first, second], status.Length == 0 ? null : status, page, events);

    private enum Event
    {
        None,
        Arrival,
        ArrivalElsewhere,
        End,
        CancelTaken,
    }

    [Fact]
    public async Task What_is_there_all_the_time_comes_once_and_in_order() => await Cases.SampleAsync(Check, iter: Iterations, threads: 1);

    private static async Task Check(Case given)
    {
        using ComfyEmulator emulator = ComfyEmulator.WithoutSockets(new() { Speed = 0 }, "one");
        using EmulatorHandler service = new([emulator], new() { Flow = Flow.Start, Rows = [] });
        ComfyConnection connection = new("c", emulator.BaseUri, emulator.ApiKey.Copy(), default, TimeSpan.FromSeconds(30));
        ComfyDeployClient client = new(new(connection, service), new RecordingLog());
        for (int i = 0; i < Math.Max(given.Counts[0], given.Counts[1]); i++)
        {
            for (int workflow = 0; workflow < 2; workflow++)
            {
                if (i < given.Counts[workflow]) Arrive(workflow, i % 3 == 0 ? "success" : Queued);
            }
        }
        HashSet<string> stayed = [.. Matching()];

        RunMerge merge = new(Workflows.Select(workflow =>
            new RunCursor(client, new(workflow, null, given.Status, null, given.FirstPage), null, 5 * given.FirstPage)));
        List<string> taken = [];
        while (true)
        {
            if (merge.NeedsPages) await merge.ReadPagesAsync(default).WaitAsync(ClientUnderTest.Limit);
            if (merge.Take() is not { } run) break;
            taken.Add(run.RunId!);
            Happen(given.Events.ElementAtOrDefault(taken.Count - 1));
            stayed.IntersectWith(Matching());
        }

        Assert.Equal(taken.Distinct(), taken);
        List<string> newestFirst = [.. emulator.Runs.Select(run => run.RunId).Reverse().Where(stayed.Contains)];
        Assert.Equal(newestFirst, taken.Where(stayed.Contains));

        IEnumerable<string> Matching() => emulator.Runs.Where(run => given.Status is null || run.Status == given.Status).Select(run => run.RunId);

        void Arrive(int workflow, string status)
        {
            emulator.Advance(TimeSpan.FromSeconds(1));
            emulator.SetStatus(ScenarioRunner.Queue(emulator, "fox", Deployments[workflow]), status, ended: status != Queued);
        }

        void Happen(Event what)
        {
            switch (what)
            {
                case Event.Arrival: Arrive(0, Queued); break;
                case Event.ArrivalElsewhere: Arrive(1, Queued); break;
                case Event.End when emulator.Runs.FirstOrDefault(run => run.Status == Queued) is { } oldest:
                    emulator.SetStatus(oldest.RunId, "success", ended: true); break;
                // A run that has ended keeps its status.
                case Event.CancelTaken when emulator.Runs.First(run => run.RunId == taken[^1]).Status == Queued:
                    emulator.SetStatus(taken[^1], "cancelled", ended: true); break;
            }
        }
    }

    private sealed record Case(int[] Counts, string? Status, int FirstPage, Event[] Events)
    {
        public override string ToString() => $"{string.Join("+", Counts)} runs, status {Status ?? "any"}, first page {FirstPage}: {string.Join(' ', Events)}";
    }
}
