using System.Globalization;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>Faults of every kind on every route that a batch uses: about one request in twenty meets one.</summary>
internal static class RandomFaults
{
    private const double Share = 0.05;

    // What may have made a run, and what certainly made none.
    private static readonly string[] Creates =
    [
        "429 retry-after=2", "503", "503 executed", "502", "504 executed", "500", "422", "408 executed", "hang", "stall", "reset", "lost",
        "late 5s", "late 30s", "cut", "close", "truncate", "wrongtypes", "wronglength", "latency 50ms", "redirect http://127.0.0.1:9/", "drip 500",
    ];

    // These end the whole call.
    private static readonly string[] Refusals = ["401", "402", "403", "404"];

    private static readonly string[] Reads =
    [
        "429 retry-after=2", "503", "502", "504", "500", "404", "408", "hang", "stall", "reset", "lost", "cut", "close", "truncate",
        "wrongtypes", "wronglength", "latency 50ms", "redirect http://127.0.0.1:9/", "drip 20000",
    ];

    // Half a file that states its own length is a whole one to any client, and images have no types.
    private static readonly string[] Downloads =
    [
        "429", "503", "500", "403", "404", "hang", "stall", "reset", "lost", "cut", "close", "wronglength", "latency 50ms",
        "redirect http://127.0.0.1:9/", "drip 20000",
    ];

    private static readonly (string Route, string[] Kinds)[] Routes =
    [
        ("POST /run/deployment/queue", [.. Creates, .. Creates, .. Creates, .. Refusals]),
        ("GET /run/*", Reads),
        ("GET /v2/workflow/*", Reads),
        ("GET /deployment/*", Reads),
        ("GET /workflow/*", Reads),
        ("GET /deployments", Reads),
        ("GET /v2/stream-progress", Reads),
        ("GET /platform/*", Reads),
        ("GET /outputs/*", Downloads),
    ];

    /// <summary>A plan for so many requests of each route.</summary>
    internal static IEnumerable<PlannedRouteFault> Plan(Random random, int requests)
    {
        foreach ((string route, string[] kinds) in Routes)
        {
            // Each fault counts only the requests that no earlier one has met.
            for (int passed = Gap(random); passed < requests; passed += Gap(random)) yield return new(route, kinds[random.Next(kinds.Length)], passed);
        }
    }

    /// <summary>How many faults of a plan these requests have met.</summary>
    internal static int CountMet(IEnumerable<PlannedRouteFault> plan, IReadOnlyList<EmulatorRequest> requests) => plan.GroupBy(fault => fault.Route)
        .Sum(route => route.Where((fault, met) => fault.After + met < requests.Count(request => IsOf(request, route.Key))).Count());

    private static bool IsOf(EmulatorRequest request, string route)
    {
        string target = $"{request.Method} {(request.Path.StartsWith("/api/", StringComparison.Ordinal) ? request.Path["/api".Length..] : request.Path)}";
        return route.EndsWith('*') ? target.StartsWith(route[..^1], StringComparison.Ordinal) : target == route;
    }

    private static int Gap(Random random) => (int)(Math.Log(1 - random.NextDouble()) / Math.Log(1 - Share));
}

/// <summary>A fault that happens once.</summary>
/// <param name="Route">The method and the path.</param>
/// <param name="Kind">What happens.</param>
/// <param name="After">How many requests pass before.</param>
internal sealed record PlannedRouteFault(string Route, string Kind, int After)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Route} = {Kind} after={After}");
}
