using System.Globalization;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>The runs that would be queued, by GPU.</summary>
internal sealed class RunPlan
{
    private const string OfMachine = "the machine's GPU";

    private readonly SortedDictionary<string, int> _runs = new(StringComparer.OrdinalIgnoreCase);

    internal bool IsEmpty => _runs.Count == 0;

    internal void Add(string? gpu)
    {
        string key = gpu ?? OfMachine;
        _runs[key] = (_runs.TryGetValue(key, out int count) ? count : 0) + 1;
    }

    /// <param name="prices">US dollars a second, by GPU.</param>
    internal string Describe(IReadOnlyDictionary<string, decimal> prices)
    {
        IEnumerable<string> groups = _runs.Select(group =>
            $"{group.Value} on {group.Key}" + (prices.TryGetValue(group.Key, out decimal price)
                ? $" at {price.ToString(CultureInfo.InvariantCulture)} US dollars a second each" : string.Empty));
        return $"{Plural.Of(_runs.Values.Sum(), "run")} would be queued: {string.Join(", ", groups)}.";
    }
}
