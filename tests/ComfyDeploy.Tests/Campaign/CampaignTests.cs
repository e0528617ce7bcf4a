using System.Diagnostics;
using System.Globalization;
using ComfyDeploy.Tests.Engine;
using Xunit.Abstractions;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>
/// Scenarios at random, each checked against the promises of the module. <c>COMFY_CAMPAIGN_COUNT</c> says how many, and
/// <c>COMFY_CAMPAIGN_SEED</c> which.
/// </summary>
[Collection(ProcessWide.Name)]
[Trait("Category", "Campaign")]
public sealed class CampaignTests(ITestOutputHelper output)
{
    private const int DefaultCount = 300;
    private const ulong DefaultSeed = 20261124;
    private const int MostReported = 10;

    private static readonly int Count = int.TryParse(Environment.GetEnvironmentVariable("COMFY_CAMPAIGN_COUNT"), CultureInfo.InvariantCulture, out int count) ? count : DefaultCount;

    private static readonly ulong Seed = ulong.TryParse(Environment.GetEnvironmentVariable("COMFY_CAMPAIGN_SEED"), CultureInfo.InvariantCulture, out ulong seed) ? seed : DefaultSeed;

    [Fact]
    public void Every_promise_holds_in_every_scenario()
    {
        Distribution distribution = new();
        Dictionary<string, (int Times, int First, Scenario Scenario, string Broken)> failures = [];
        using ScenarioRunner runner = new();
        Stopwatch watch = Stopwatch.StartNew();
        for (int index = 0; index < Count; index++)
        {
            Scenario scenario = ScenarioGenerator.Make(Seed, index);
            distribution.Add(scenario);
            foreach (string broken in runner.Check(scenario))
            {
                string kind = KindOf(scenario, broken);
                failures[kind] = failures.TryGetValue(kind, out (int Times, int First, Scenario Scenario, string Broken) known)
                    ? known with { Times = known.Times + 1 }
                    : (1, index, scenario, broken);
            }
        }
        output.WriteLine($"{Count} scenarios of seed {Seed} in {watch.Elapsed.TotalSeconds:0.0} s.");
        output.WriteLine(distribution.ToString());
        IEnumerable<string> reports = failures.OrderByDescending(failure => failure.Value.Times).Take(MostReported).Select(failure =>
        {
            (int times, int first, Scenario scenario, string _) = failure.Value;
            Scenario smallest = Shrinker.Shrink(scenario, smaller => runner.Check(smaller).Any(broken => KindOf(scenario, broken) == failure.Key));
            string broken = runner.Check(smallest).FirstOrDefault(broken => KindOf(scenario, broken) == failure.Key) ?? failure.Value.Broken;
            return $"{times} times, first in scenario {first}: {broken}{Environment.NewLine}{smallest}";
        });
        Assert.True(failures.Count == 0, string.Join(Environment.NewLine + Environment.NewLine, reports));
    }

    /// <summary>The promise, without what differs from case to case.</summary>
    private static string KindOf(Scenario scenario, string broken) => $"{scenario.Flow} {broken.Split(':')[0]} {(broken.StartsWith("Only documented", StringComparison.Ordinal) ? broken.Split(':')[1] : "")}";
}
