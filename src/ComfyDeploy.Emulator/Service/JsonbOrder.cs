using System.Text;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Emulator.Service;

/// <summary>The order in which PostgreSQL returns the keys of stored JSON: shorter ones first, then by their bytes.</summary>
internal static class JsonbOrder
{
    public static JsonObject Sort(JsonObject json)
    {
        JsonObject sorted = [];
        foreach (KeyValuePair<string, JsonNode?> member in json
            .OrderBy(m => Encoding.UTF8.GetByteCount(m.Key))
            .ThenBy(m => m.Key, StringComparer.Ordinal))
        {
            sorted[member.Key] = SortNode(member.Value);
        }

        return sorted;
    }

    private static JsonNode? SortNode(JsonNode? node) => node switch
    {
        JsonObject container => Sort(container),
        JsonArray array => new JsonArray(array.Select(SortNode).ToArray()),
        _ => node?.DeepClone(),
    };
}
