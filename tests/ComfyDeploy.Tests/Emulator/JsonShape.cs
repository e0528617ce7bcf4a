using System.Text.Json;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Tests.Emulator;

/// <summary>The shape of JSON: names and kinds, not values. All elements of an array make one shape together.</summary>
internal sealed class JsonShape
{
    private readonly SortedSet<JsonValueKind> _kinds = [];
    private readonly SortedDictionary<string, JsonShape> _members = [];
    private JsonShape? _elements;

    internal static JsonShape Of(JsonNode? node)
    {
        JsonShape shape = new();
        shape.Take(node);
        return shape;
    }

    /// <summary>Where the other shape differs. Below a free path anything goes; at a nullable name null may stand on either side.</summary>
    internal IEnumerable<string> Differences(JsonShape other, IReadOnlySet<string> free, IReadOnlySet<string> nullable, string path = "$", string name = "")
    {
        if (free.Contains(name)) yield break;
        IEnumerable<JsonValueKind> mine = nullable.Contains(name) ? _kinds.Where(k => k != JsonValueKind.Null) : _kinds;
        IEnumerable<JsonValueKind> theirs = nullable.Contains(name) ? other._kinds.Where(k => k != JsonValueKind.Null) : other._kinds;
        bool unknown = nullable.Contains(name) && (!mine.Any() || !theirs.Any());
        if (!unknown && !mine.SequenceEqual(theirs)) yield return $"{path}: {string.Join('|', mine)} recorded, {string.Join('|', theirs)} here";
        if (_kinds.Contains(JsonValueKind.Object) && other._kinds.Contains(JsonValueKind.Object))
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
        JsonValueKind kind = node?.GetValueKind() ?? JsonValueKind.Null;
        _kinds.Add(kind == JsonValueKind.False ? JsonValueKind.True : kind);
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

    private JsonShape Member(string name) => _members.TryGetValue(name, out JsonShape? member) ? member : _members[name] = new JsonShape();
}
