using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>
/// Reads a run's outputs: any array of items with a link is files, any array of text is texts, whatever its key is called.
/// </summary>
internal static class OutputReader
{
    private static readonly Dictionary<string, string> Kinds = new()
    {
        ["images"] = "image",
        ["gifs"] = "video",
        ["files"] = "file",
        ["audio"] = "audio",
        ["mesh"] = "mesh",
        ["text"] = "text",
    };

    /// <returns>Null when the answer does not contain them, as the rows of lists.</returns>
    internal static ComfyRunOutputCollection? Read(JsonElement? rows, ComfyRun run)
    {
        if (rows is null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined }) return null;
        List<ComfyRunOutput> outputs = [];
        foreach (JsonElement row in Items(rows))
        {
            if (Property(row, "data") is not { ValueKind: JsonValueKind.Object } data) continue;
            foreach (JsonProperty list in data.EnumerateObject())
            {
                foreach (JsonElement item in Items(list.Value))
                {
                    if (ReadItem(list.Name, item) is not { } output) continue;
                    output.Index = outputs.Count;
                    output.Run = run;
                    output.NodeId = Text(Property(row, "node_meta"), "node_id");
                    output.NodeClass = Text(Property(row, "node_meta"), "node_class");
                    output.OutputId ??= Text(row, "output_id");
                    output.CreatedAt = Timestamp.Parse(Text(row, "created_at"));
                    outputs.Add(output);
                }
            }
        }
        return outputs.Count == 0 ? ComfyRunOutputCollection.Empty : new(outputs);
    }

    private static ComfyRunOutput? ReadItem(string key, JsonElement item)
    {
        string kind = Kinds.TryGetValue(key, out string? known) ? known : key;
        if (item.ValueKind == JsonValueKind.String) return new() { Kind = kind, Text = item.GetString() };
        if (Text(item, "url") is not { } link) return null;
        return new()
        {
            Kind = kind,
            FileName = Text(item, "filename"),
            Url = Uri.TryCreate(link, UriKind.Absolute, out Uri? url) ? url : null,
            OutputId = Text(item, "output_id"),
        };
    }

    private static IEnumerable<JsonElement> Items(JsonElement? element) =>
        element is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray() : Enumerable.Empty<JsonElement>();

    private static JsonElement? Property(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) ? value : null;

    private static string? Text(JsonElement? element, string name) =>
        element is { } parent && Property(parent, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;
}
