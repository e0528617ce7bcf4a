using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>The runs that would be queued, by what they run.</summary>
internal sealed class RunPlan
{
    /// <summary>What shows a line on the host.</summary>
    internal static readonly string[] PreviewTags = ["PSHOST", "ComfyRun"];

    private const string OfMachine = "the machine's GPU";

    private readonly Dictionary<(ApiSession, string), PlannedRuns> _runs = [];

    internal bool IsEmpty => _runs.Count == 0;

    internal void Add(RunTemplate template)
    {
        (ApiSession, string) key = (template.Client.Session, template.Subject.Target.RowKey);
        _runs[key] = new(template, (_runs.TryGetValue(key, out PlannedRuns known) ? known.Count : 0) + 1);
    }

    /// <summary>The last line of -WhatIf: how many runs, what a second of them costs, and what they may cost together.</summary>
    internal void WriteTo(StartingCommand cmdlet)
    {
        // A run that the user declined is in the plan too, but is not worth a line.
        if (IsEmpty || !cmdlet.IsWhatIf) return;
        string text = cmdlet.Await(cancellationToken => DescribeAsync(cmdlet.Log, cancellationToken));
        cmdlet.WriteInformation(Preview(text), PreviewTags);
    }

    /// <summary>A line of -WhatIf.</summary>
    internal static HostInformationMessage Preview(string text) => new() { Message = $"What if: {text}" };

    private async Task<string> DescribeAsync(ICallLog log, CancellationToken cancellationToken)
    {
        // The prices are the same for all accounts.
        IReadOnlyDictionary<string, decimal> prices = await _runs.Values.First().Template.Client.GetGpuPricesAsync(cancellationToken)
            .ConfigureAwait(false);
        IEnumerable<string> groups = _runs.Values
            .GroupBy(runs => runs.Template.Gpu ?? OfMachine, StringComparer.OrdinalIgnoreCase)
            .OrderBy(group => group.Key, StringComparer.OrdinalIgnoreCase)
            .Select(group => $"{group.Sum(runs => runs.Count)} on {group.Key}" + (prices.TryGetValue(group.Key, out decimal price)
                ? $" at {price.ToString(CultureInfo.InvariantCulture)} USD a second each" : string.Empty));
        // Without prices, no earlier run has a cost.
        string? cost = prices.Count == 0 ? null
            : await PlannedCost.DescribeAsync(_runs.Values, log, cancellationToken).ConfigureAwait(false);
        return $"{Plural.Of(_runs.Values.Sum(runs => runs.Count), "run")} would be queued: {string.Join(", ", groups)}"
            + (cost is null ? "." : $"; {cost}.");
    }
}

/// <summary>The runs of one deployment, version or graph that would be queued.</summary>
internal readonly record struct PlannedRuns(RunTemplate Template, int Count);
