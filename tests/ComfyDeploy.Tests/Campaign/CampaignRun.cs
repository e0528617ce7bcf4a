using System.Diagnostics;
using System.Globalization;
using Xunit.Sdk;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>Runs the scenarios of one seed, and keeps one example of each kind of failure.</summary>
internal sealed class CampaignRun(ulong seed) : IDisposable
{
    private readonly ScenarioRunner _runner = new();
    private readonly Dictionary<string, Failure> _failures = [];
    private readonly List<(TimeSpan Time, int Index)> _times = [];

    public void Dispose() => _runner.Dispose();

    internal void Run(int first, int count, Distribution distribution)
    {
        for (int index = first; index < first + count; index++)
        {
            Scenario scenario = ScenarioGenerator.Make(seed, index);
            long began = Stopwatch.GetTimestamp();
            Verdict verdict = Check(scenario);
            // The virtual clock runs away when a thread of the pool is slow to start; a real breach of time repeats.
            if (verdict.Broken.Any(broken => broken.StartsWith("Time is bounded", StringComparison.Ordinal))) verdict = Check(scenario);
            _times.Add((Stopwatch.GetElapsedTime(began), index));
            distribution.Add(scenario, verdict.FaultsMet);
            foreach (string broken in verdict.Broken)
            {
                string kind = KindOf(scenario, broken);
                if (!_failures.TryGetValue(kind, out Failure? failure)) _failures.Add(kind, failure = new(index, scenario, broken));
                failure.Times++;
            }
        }
    }

    /// <summary>The failures, the most frequent first, each with the smallest scenario that shows it; empty when all is well.</summary>
    internal string Report(int most) => string.Join(Environment.NewLine + Environment.NewLine, _failures.OrderByDescending(failure => failure.Value.Times)
        .Take(most).Select(failure => Describe(failure.Key, failure.Value)));

    /// <summary>How long it took, and which scenarios took longest.</summary>
    internal string Times()
    {
        IEnumerable<string> longest = _times.OrderDescending().Take(5).Select(time => string.Create(CultureInfo.InvariantCulture, $"{time.Index} {time.Time.TotalSeconds:0.0} s"));
        return string.Create(CultureInfo.InvariantCulture, $"{_times.Count} scenarios of seed {seed} in {_times.Sum(time => time.Time.TotalSeconds):0.0} s, the longest: {string.Join(", ", longest)}.");
    }

    private Verdict Check(Scenario scenario)
    {
        try
        {
            return _runner.Check(scenario);
        }
        catch (XunitException e)
        {
            // It did not end in real time.
            return new([$"Time is bounded: {e.Message}"], [], string.Empty);
        }
    }

    private string Describe(string kind, Failure failure)
    {
        string? BrokenIn(Scenario scenario) => Check(scenario).Broken.FirstOrDefault(broken => KindOf(scenario, broken) == kind);
        Scenario smallest = Shrinker.Shrink(failure.Scenario, smaller => BrokenIn(smaller) is not null);
        return string.Create(CultureInfo.InvariantCulture, $"{failure.Times} times, first in scenario {failure.Index}: {BrokenIn(smallest) ?? failure.Broken}{Environment.NewLine}{smallest}");
    }

    /// <summary>The promise, without what differs from case to case.</summary>
    private static string KindOf(Scenario scenario, string broken) =>
        $"{scenario.Flow} {string.Join(':', broken.Split(':').Take(broken.StartsWith("Only documented", StringComparison.Ordinal) ? 2 : 1))}";

    private sealed class Failure(int index, Scenario scenario, string broken)
    {
        internal int Index => index;

        internal Scenario Scenario => scenario;

        internal string Broken => broken;

        internal int Times { get; set; }
    }
}
