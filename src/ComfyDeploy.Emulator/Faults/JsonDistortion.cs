using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Emulator.Faults;

/// <summary>Turns a correct response into one with the wrong types, as after an unannounced change of the service.</summary>
internal static class JsonDistortion
{
    /// <summary>Numbers become text, text becomes a number, arrays become objects; objects and nulls stay.</summary>
    public static byte[] SwapTypes(byte[] json)
    {
        try
        {
            JsonNode? swapped = Swap(JsonNode.Parse(json));
            return Encoding.UTF8.GetBytes(swapped?.ToJsonString() ?? "null");
        }
        catch (JsonException)
        {
            return json;
        }
    }

    private static JsonNode? Swap(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject container:
                JsonObject swapped = [];
                foreach (KeyValuePair<string, JsonNode?> member in container) swapped[member.Key] = Swap(member.Value);
                return swapped;
            case JsonArray array:
                JsonObject keyed = [];
                for (int i = 0; i < array.Count; i++) keyed[i.ToString(CultureInfo.InvariantCulture)] = Swap(array[i]);
                return keyed;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                return JsonValue.Create(value.GetValue<string>().Length);
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number:
                return JsonValue.Create(value.ToJsonString());
            default:
                return node?.DeepClone();
        }
    }
}
