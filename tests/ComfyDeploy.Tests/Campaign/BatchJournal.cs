using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>A manifest as it is on the disk, read without the module.</summary>
internal sealed class BatchJournal
{
    private readonly HashSet<(string Key, string? Run, string Event)> _seen = [];
    private readonly Dictionary<string, string> _keys = [];
    private readonly List<string> _broken = [];

    private BatchJournal(string text)
    {
        string[] lines = text.Split('\n');
        // What follows the last line end is a line that was being written.
        for (int i = 0; i < lines.Length - 1; i++) Read(i + 1, lines[i]);
        LineCount = lines.Length - 1;
    }

    internal int LineCount { get; }

    /// <summary>The number of the last line that announces a create; 0 without one.</summary>
    internal int LastIntent { get; private set; }

    /// <summary>The runs that it knows.</summary>
    internal IReadOnlyCollection<string> Runs => _keys.Keys;

    /// <summary>The intents that were not answered, by their prompt.</summary>
    internal IReadOnlyDictionary<string, Intent> Open => _open.Values.ToDictionary(intent => intent.Prompt);

    private readonly Dictionary<string, Intent> _open = [];

    /// <summary>What cannot be true of the journal of a batch.</summary>
    internal IReadOnlyList<string> Broken => _broken;

    internal static BatchJournal Read(string path) => new(File.Exists(path) ? Encoding.UTF8.GetString(File.ReadAllBytes(path)) : string.Empty);

    private void Read(int number, string line)
    {
        JsonObject entry;
        try
        {
            entry = JsonNode.Parse(line)!.AsObject();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            _broken.Add($"line {number} is damaged: {line}");
            return;
        }
        if (number == 1)
        {
            if ((int?)entry["manifest"] != 1) _broken.Add($"the first line is no header: {line}");
            return;
        }
        string key = (string)entry["key"]!, what = (string)entry["event"]!;
        string? run = (string?)entry["run"];
        if (BuiltOn(what, key, run) is { } lost) _broken.Add($"line {number} builds on a line that is not there ({lost}): {line}");
        _seen.Add((key, run, what));
        if (run is not null && !_keys.TryAdd(run, key) && _keys[run] != key) _broken.Add($"line {number} gives run {run} to a second row.");
        if (what == "intent") LastIntent = number;
        if (what == "intent") _open[key] = new(number, (string)entry["inputs"]!["prompt"]!, entry["at"]!.GetValue<DateTime>().ToUniversalTime());
        else if (what is "queued" or "refused") _open.Remove(key);
    }

    /// <summary>The earlier line that a line needs and that is missing.</summary>
    private string? BuiltOn(string what, string key, string? run)
    {
        (string Event, string? Run)? needed = what switch
        {
            "queued" or "refused" => ("intent", null),
            "ended" or "stopping" => ("queued", run),
            "saved" => ("ended", run),
            _ => null,
        };
        return needed is { } line && !_seen.Contains((key, line.Run, line.Event)) ? line.Event : null;
    }

    /// <summary>A row that was about to be queued.</summary>
    /// <param name="Line">The number of its line.</param>
    /// <param name="Prompt">What tells its run from others.</param>
    /// <param name="At">When, UTC.</param>
    internal sealed record Intent(int Line, string Prompt, DateTime At);
}
