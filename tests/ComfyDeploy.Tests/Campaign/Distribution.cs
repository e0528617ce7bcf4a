using System.Globalization;
using System.Text;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>How often each part of the scenarios was used: what a campaign has not tried, it says nothing about.</summary>
internal sealed class Distribution
{
    private readonly SortedDictionary<string, SortedDictionary<string, int>> _counts = new(StringComparer.Ordinal);

    /// <summary>How many scenarios are counted.</summary>
    internal int Total { get; private set; }

    internal void Add(Scenario scenario, IReadOnlyCollection<PlannedFault> faultsMet)
    {
        Total++;
        Count("pipeline", scenario.Flow.ToString());
        Count("rows", scenario.Rows.Count.ToString("00", CultureInfo.InvariantCulture));
        Count("deadline", scenario.Deadline is { } seconds ? $"{seconds} s" : "none");
        Count("downstream", scenario.Downstream.ToString());
        Count("Ctrl+C", scenario.StopAtRequest is null ? "no" : "yes");
        Count("connections", scenario.HasTwoConnections ? "two" : "one");
        Count("deployments", scenario.KnowsDeployments ? "known" : "not read yet");
        Count("files", scenario.HasFiles ? "yes" : "no");
        Count("column", !scenario.HasColumn ? "no" : scenario.Rows.Any(row => row.Deployment == ScenarioDeployments.Missing) ? "with unknown names" : "yes");
        Count("creates and uploads", scenario.HasLatency ? "take time" : "at once");
        Count("in flight", scenario.MaxInFlight is { } inFlight ? $"{inFlight}" : "any number");
        Count("transport", scenario.HasSockets ? "sockets" : "virtual");
        (string error, string warning, string debug, string verbose, string information) = scenario.Preferences;
        Count("preference", $"error {error}");
        Count("preference", $"warning {warning}");
        Count("preference", $"debug {debug}");
        Count("preference", $"verbose {verbose}");
        Count("preference", $"information {information}");
        foreach (PlannedFault fault in scenario.Faults.DistinctBy(fault => fault.Kind)) Count("fault planned", fault.Kind.ToString());
        foreach (PlannedFault fault in faultsMet.DistinctBy(fault => fault.Kind)) Count("fault met", fault.Kind.ToString());
        foreach (PlannedFault fault in faultsMet.DistinctBy(fault => fault.Route)) Count("route of a fault met", fault.Route.ToString());
    }

    public override string ToString()
    {
        StringBuilder text = new();
        foreach ((string what, SortedDictionary<string, int> counts) in _counts)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{what}: {string.Join(", ", counts.Select(count => $"{count.Key} {count.Value}"))}");
        }
        return text.ToString();
    }

    private void Count(string what, string which)
    {
        if (!_counts.TryGetValue(what, out SortedDictionary<string, int>? counts)) _counts.Add(what, counts = new(StringComparer.Ordinal));
        counts[which] = counts.GetValueOrDefault(which) + 1;
    }
}
