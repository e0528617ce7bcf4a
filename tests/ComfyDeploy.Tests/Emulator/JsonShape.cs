using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Tests.Emulator;

/// <summary>
/// The shape of JSON: names and kinds, not values; of times and of numbers in text, how they are written. All elements of an array make one
/// shape together.
/// </summary>
internal sealed partial class JsonShape
{
    private readonly SortedSet<string> _kinds = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, JsonShape> _members = [];
    private JsonShape? _elements;

    internal static JsonShape Of(JsonNode? node)
    {
        JsonShape shape = new();
        shape.Take(node);
        return shape;
    }

    /// <summary>Where the other shape differs. Below a free path, anything matches; at a nullable name, either side may be null.</summary>
    internal IEnumerable<string> Differences(JsonShape other, IReadOnlySet<string> free, IReadOnlySet<string> nullable, string path = "$", string name = "")
    {
        if (free.Contains(name)) yield break;
        IEnumerable<string> mine = nullable.Contains(name) ? _kinds.Where(k => k != nameof(JsonValueKind.Null)) : _kinds;
        IEnumerable<string> theirs = nullable.Contains(name) ? other._kinds.Where(k => k != nameof(JsonValueKind.Null)) : other._kinds;
        bool unknown = nullable.Contains(name) && (!mine.Any() || !theirs.Any());
        if (!unknown && !mine.SequenceEqual(theirs)) yield return $"{path}: {string.Join('|', mine)} recorded, {string.Join('|', theirs)} here";
        if (_kinds.Contains(nameof(JsonValueKind.Object)) && other._kinds.Contains(nameof(JsonValueKind.Object)))
        {
            foreach (string missing in _members.Keys.Except(other._members.Keys)) yield return $"{path}.{missing}: missing here";
            foreach (string extra in other._members.Keys.Except(_members.Keys)) yield return $"{path}.{extra}: not recorded";
            foreach (string both in _members.Keys.Intersect(other._members.Keys))
            {
                foreach (string difference in _members[both].Differences(other._members[both], free, nullable, $"{path}.{both}", both)) yield return difference;
            }
        }

        if (_elements is null != other._elements is null) yield return $"{path}: {(_elements is null ? "empty" : "not empty")} recorded, the other way here";
        if (_elements is null || other._elements is null) yield break;
        foreach (string difference in _elements.Differences(other._elements, free, nullable, path + "[]", name)) yield return difference;
    }

    private void Take(JsonNode? node)
    {
        _kinds.Add(Kind(node));
        switch (node)
        {
            case JsonObject container:
                foreach ((string name, JsonNode? value) in container) Member(name).Take(value);
                break;
            case JsonArray array:
                foreach (JsonNode? element in array) (_elements ??= new JsonShape()).Take(element);
                break;
        }
    }

    private static string Kind(JsonNode? node)
    {
        JsonValueKind kind = node?.GetValueKind() ?? JsonValueKind.Null;
        if (kind is JsonValueKind.True or JsonValueKind.False) return "Boolean";
        if (kind != JsonValueKind.String) return kind.ToString();
        string text = node!.GetValue<string>();
        if (Time().IsMatch(text)) return "time " + Digit().Replace(text, "9");
        return Decimal().Match(text) is { Success: true } match ? $"{match.Groups[1].Length} decimals" : "String";
    }

    [GeneratedRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z?$")]
    private static partial Regex Time();

    [GeneratedRegex("^-?[0-9]+\\.([0-9]+)$")]
    private static partial Regex Decimal();

    [GeneratedRegex("[0-9]")]
    private static partial Regex Digit();

    private JsonShape Member(string name) => _members.TryGetValue(name, out JsonShape? member) ? member : _members[name] = new JsonShape();
}
