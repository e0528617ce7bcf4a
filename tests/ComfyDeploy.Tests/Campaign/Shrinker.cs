using System.Diagnostics;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>Makes a failing scenario smaller for as long as it fails.</summary>
internal static class Shrinker
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    /// <summary>The smallest scenario that was found to fail, in the same way.</summary>
    /// <param name="scenario">One that fails.</param>
    /// <param name="fails">Whether another fails too.</param>
    internal static Scenario Shrink(Scenario scenario, Func<Scenario, bool> fails)
    {
        long began = Stopwatch.GetTimestamp();
        while (Smaller(scenario).Select(ScenarioGenerator.Tidy).Where(smaller => !IsSame(smaller, scenario))
            .TakeWhile(_ => Stopwatch.GetElapsedTime(began) < Patience).FirstOrDefault(fails) is { } smaller)
        {
            scenario = smaller;
        }
        return scenario;
    }

    private static bool IsSame(Scenario one, Scenario other) => one.ToString() == other.ToString();

    private static IEnumerable<Scenario> Smaller(Scenario scenario)
    {
        if (scenario.Rows.Count > 3) yield return scenario with { Rows = [.. scenario.Rows.Take(scenario.Rows.Count / 2)] };
        for (int i = scenario.Rows.Count - 1; i >= 0; i--) yield return scenario with { Rows = Without(scenario.Rows, i) };
        for (int i = 0; i < scenario.Faults.Count; i++) yield return scenario with { Faults = Without(scenario.Faults, i) };
        yield return scenario with { HasSockets = false };
        yield return scenario with { HasTwoConnections = false };
        yield return scenario with { HasColumn = false };
        yield return scenario with { Rows = [.. scenario.Rows.Select(row => row with { File = null })] };
        yield return scenario with { HasLatency = false };
        yield return scenario with { KnowsDeployments = false };
        yield return scenario with { StopAtRequest = null };
        yield return scenario with { Downstream = Downstream.TakesAll };
        yield return scenario with { Preferences = Preferences.Quiet };
        yield return scenario with { Preferences = scenario.Preferences with { Error = "Continue" } };
        yield return scenario with { Preferences = scenario.Preferences with { Warning = "Continue" } };
        yield return scenario with { Preferences = scenario.Preferences with { Debug = "SilentlyContinue" } };
        yield return scenario with { Preferences = scenario.Preferences with { Verbose = "SilentlyContinue" } };
        yield return scenario with { Preferences = scenario.Preferences with { Information = "SilentlyContinue" } };
        yield return scenario with { Deadline = null };
        yield return scenario with { MaxInFlight = null };
        for (int i = 0; i < scenario.Rows.Count; i++)
        {
            Row row = scenario.Rows[i];
            yield return scenario with { Rows = With(scenario.Rows, i, new("a", "one")) };
            yield return scenario with { Rows = With(scenario.Rows, i, row with { Prompt = "a", Label = "one" }) };
            yield return scenario with { Rows = With(scenario.Rows, i, row with { File = null }) };
            yield return scenario with { Rows = With(scenario.Rows, i, row with { Deployment = ScenarioDeployments.Usual }) };
        }
        for (int i = 0; i < scenario.Faults.Count; i++)
        {
            yield return scenario with { Faults = With(scenario.Faults, i, scenario.Faults[i] with { At = 1 }) };
            if (scenario.Faults[i].Times > 1) yield return scenario with { Faults = With(scenario.Faults, i, scenario.Faults[i] with { Times = 1 }) };
            if (scenario.Faults[i].Seconds > 1) yield return scenario with { Faults = With(scenario.Faults, i, scenario.Faults[i] with { Seconds = scenario.Faults[i].Seconds / 2 }) };
        }
    }

    private static T[] Without<T>(IReadOnlyList<T> items, int index) => [.. items.Take(index), .. items.Skip(index + 1)];

    private static T[] With<T>(IReadOnlyList<T> items, int index, T item) => [.. items.Take(index), item, .. items.Skip(index + 1)];
}
