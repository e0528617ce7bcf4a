using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>A scenario gives the same result whatever ran before it or runs beside it.</summary>
[Collection(ProcessWide.Name)]
[Trait("Category", "Campaign")]
public sealed class IndependenceTests
{
    private const ulong Seed = 7;
    private const int Count = 500;
    private const int Runspaces = 4;

    private static readonly Scenario[] Scenarios = [.. Enumerable.Range(0, Count).Select(index => Repeatable(ScenarioGenerator.Make(Seed, index)))];

    private static readonly Lazy<string[]> InOrder = new(() => Summaries(Scenarios));

    [Fact]
    public void Alone() => AssertSame([.. Scenarios.Where((_, i) => i % Runspaces == 0).Select(scenario => Summaries([scenario])[0])], step: Runspaces);

    [Fact]
    public void In_reverse() => AssertSame([.. Summaries([.. Scenarios.Reverse()]).Reverse()]);

    [Fact]
    public async Task In_parallel_runspaces()
    {
        Task<string[]>[] parts = [.. Enumerable.Range(0, Runspaces).Select(part => Task.Factory.StartNew(
            () => Summaries([.. Scenarios.Where((_, i) => i % Runspaces == part)]), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        string[][] summaries = await Task.WhenAll(parts);
        AssertSame([.. Enumerable.Range(0, Count).Select(i => summaries[i % Runspaces][i / Runspaces])]);
    }

    // Over sockets, and where Ctrl+C comes, the result depends on how fast this machine is. Of two rows with equal files, which are read on
    // several threads, either may be first: nothing but the label tells whose create met a fault. Which upload meets one is open, too. When a
    // slot falls free at the moment the wait ends, one more run may be queued.
    private static Scenario Repeatable(Scenario scenario) => ScenarioGenerator.Tidy(scenario with
    {
        HasSockets = false,
        StopAtRequest = null,
        MaxInFlight = null,
        Faults = [.. scenario.Faults.Where(fault => !scenario.HasFiles || fault.Route is not (ServiceRoute.Upload or ServiceRoute.Any))],
        Rows = [.. scenario.Rows.Select(row => row.File is null ? row : row with { Label = "one" })],
    });

    private static string[] Summaries(IReadOnlyList<Scenario> scenarios)
    {
        using ScenarioRunner runner = new();
        return [.. scenarios.Select(scenario => runner.Check(scenario).Summary)];
    }

    private static void AssertSame(string[] summaries, int step = 1)
    {
        for (int i = 0; i < summaries.Length; i++)
        {
            Assert.True(summaries[i] == InOrder.Value[i * step], $"{Scenarios[i * step]}{Environment.NewLine}{Environment.NewLine}{summaries[i]}{Environment.NewLine}{Environment.NewLine}but in order:{Environment.NewLine}{InOrder.Value[i * step]}");
        }
    }
}
