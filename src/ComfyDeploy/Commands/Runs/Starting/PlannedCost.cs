using System.Globalization;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// What planned runs may cost, estimated from what the last runs of the same deployment, or of the same workflow version, cost on the same
/// GPU.
/// </summary>
internal static class PlannedCost
{
    private const int MaxRuns = 50;

    // A preview does not wait for a slow list: better without an estimate than late.
    private static readonly TimeSpan ListTimeout = TimeSpan.FromSeconds(5);

    /// <summary>The span in words; null when earlier runs cannot be read. One request for each deployment.</summary>
    internal static async Task<string?> DescribeAsync(
        IReadOnlyCollection<PlannedRuns> plan, ICallLog log, CancellationToken cancellationToken)
    {
        Throttle throttle = new();
        (int Count, decimal[] Costs)[] history;
        try
        {
            history = await Task.WhenAll(plan.Select(runs => throttle.RunAsync(
                async () => (runs.Count, await ReadCostsAsync(runs.Template, log, cancellationToken).ConfigureAwait(false)),
                cancellationToken))).ConfigureAwait(false);
        }
        catch (ComfyDeployException e)
        {
            log.Verbose($"Earlier runs could not be read, so the cost is not estimated: {e.Message}");
            return null;
        }
        (int Count, decimal[] Costs)[] known = [.. history.Where(runs => runs.Costs.Length > 0)];
        if (known.Length == 0) return "no earlier runs to estimate from";
        string low = Text(known.Sum(runs => runs.Count * Percentile(runs.Costs, 10)));
        string high = Text(known.Sum(runs => runs.Count * Percentile(runs.Costs, 90)));
        string span = low == high ? $"about {low} USD" : $"about {low} to {high} USD";
        return known.Length == history.Length ? $"{span} in all" : $"{span} for {known.Sum(runs => runs.Count)} of them";
    }

    /// <summary>The costs of the last successful runs, lowest first.</summary>
    private static async Task<decimal[]> ReadCostsAsync(RunTemplate template, ICallLog log, CancellationToken cancellationToken)
    {
        RunSubject subject = template.Subject;
        if (subject.WorkflowId is null) return [];
        ComfyDeployClient client = new(template.Client.Session, log) { MaxRetries = 0, RequestTimeout = ListTimeout };
        RunQuery query = new(subject.WorkflowId, subject.DeploymentId, RunStatus.Success, After: null, MaxRuns);
        IReadOnlyList<ComfyRun> runs = await client.GetRunPageAsync(query, offset: 0, cancellationToken).ConfigureAwait(false);
        // Of the runs of a graph it is not known which graph they ran: all of the workflow resemble them.
        string? versionId = subject.DeploymentId is null ? subject.WorkflowVersionId : null;
        return
        [
            .. runs.Where(run => run.IsSuccess && (template.Gpu is not { } gpu || IsSame(gpu, run.Gpu)))
                .Where(run => versionId is null || IsSame(versionId, run.WorkflowVersionId))
                .Select(run => run.EstimatedCost).OfType<decimal>().OrderBy(cost => cost),
        ];
    }

    private static bool IsSame(string word, string? other) => string.Equals(word, other, StringComparison.OrdinalIgnoreCase);

    /// <summary>The nearest rank.</summary>
    private static decimal Percentile(decimal[] sorted, int percent) => sorted[(((sorted.Length * percent) + 99) / 100) - 1];

    private static string Text(decimal dollars) => dollars.ToString(dollars < 1 ? "0.00##" : "0.00", CultureInfo.InvariantCulture);
}
