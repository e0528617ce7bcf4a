using System.Globalization;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>What came of the runs of a batch, in one line.</summary>
internal sealed class WaitTally
{
    private const string Ok = "ok";
    private const string NotQueued = "not queued";
    private const string NotFinished = "not finished";
    private static readonly string[] Order = [Ok, "failed", "cancelled", "timed out", NotQueued, NotFinished];

    private readonly Dictionary<string, int> _outcomes = new() { [Ok] = 0 };
    private decimal _cost;
    private bool _isCostKnown = true;

    internal int Count { get; private set; }

    internal void Add(ComfyRun run)
    {
        Count++;
        string outcome = run.Status switch
        {
            RunStatus.Success => Ok,
            RunStatus.Timeout => "timed out",
            RunStatus.NotQueued => NotQueued,
            _ when !run.IsFinished => NotFinished,
            _ => SafeText.Clean(run.Status),
        };
        _outcomes[outcome] = _outcomes.TryGetValue(outcome, out int count) ? count + 1 : 1;
        if (run.EstimatedCost is { } cost) _cost += cost;
        else if (run.Status != RunStatus.NotQueued || run.IsUnconfirmed) _isCostKnown = false;
    }

    /// <summary>Such as <c>200 runs: 195 ok, 3 failed, 2 cancelled, 12m 31s, estimated cost 1.82 USD</c>.</summary>
    /// <param name="notRead">How many runs could not be read.</param>
    /// <param name="time">How long the batch took.</param>
    internal string Describe(int notRead, TimeSpan time)
    {
        IEnumerable<string> outcomes = _outcomes.OrderBy(outcome => Place(outcome.Key)).Select(outcome => $"{outcome.Value} {outcome.Key}");
        if (notRead > 0) outcomes = outcomes.Append($"{notRead} not read");
        string least = _isCostKnown && notRead == 0 ? string.Empty : "at least ";
        string cost = _cost.ToString(_cost < 1 ? "0.00##" : "0.00", CultureInfo.InvariantCulture);
        string[] known = _cost > 0 ? [$"estimated cost {least}{cost} USD"] : [];
        return $"{Plural.Of(Count + notRead, "run")}: {string.Join(", ", [.. outcomes, DurationText.Of(time), .. known])}";
    }

    private static int Place(string outcome) => Array.IndexOf(Order, outcome) is >= 0 and var place ? place : Order.Length;
}
