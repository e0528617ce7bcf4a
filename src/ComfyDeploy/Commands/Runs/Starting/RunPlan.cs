using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>The runs that would be queued, by GPU.</summary>
internal sealed class RunPlan
{
    private const string OfMachine = "the machine's GPU";

    private readonly SortedDictionary<string, int> _runs = new(StringComparer.OrdinalIgnoreCase);

    internal void Add(string? gpu)
    {
        string key = gpu ?? OfMachine;
        _runs[key] = (_runs.TryGetValue(key, out int count) ? count : 0) + 1;
    }

    /// <summary>The last line of -WhatIf: how many runs, and what a second of them costs.</summary>
    internal void WriteTo(StartComfyRunCommand cmdlet)
    {
        // A run that the user declined is in the plan too, but is not worth a line.
        if (_runs.Count == 0 || !cmdlet.IsWhatIf) return;
        string text = Describe(cmdlet.Await(cancellationToken => cmdlet.Client.GetGpuPricesAsync(cancellationToken)));
        cmdlet.WriteInformation(new HostInformationMessage { Message = $"What if: {text}" }, ["PSHOST", "ComfyRun"]);
    }

    /// <param name="prices">US dollars a second, by GPU.</param>
    private string Describe(IReadOnlyDictionary<string, decimal> prices)
    {
        IEnumerable<string> groups = _runs.Select(group =>
            $"{group.Value} on {group.Key}" + (prices.TryGetValue(group.Key, out decimal price)
                ? $" at {price.ToString(CultureInfo.InvariantCulture)} US dollars a second each" : string.Empty));
        return $"{Plural.Of(_runs.Values.Sum(), "run")} would be queued: {string.Join(", ", groups)}.";
    }
}
