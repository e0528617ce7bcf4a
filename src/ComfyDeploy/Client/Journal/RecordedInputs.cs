using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Inputs as a manifest has them: long texts as their hash, links without their signature.</summary>
internal static class RecordedInputs
{
    internal static readonly JsonDocumentOptions Deep = new() { MaxDepth = 1000 };

    private const int MaxBytes = 1024;

    private static readonly Regex Hash = new("^(data:)?sha256:[0-9a-fA-F]{64}$", RegexOptions.CultureInvariant);

    internal static string Of(string inputsJson)
    {
        using JsonDocument inputs = JsonDocument.Parse(ValidJson.Of(inputsJson), Deep);
        return JsonText.Build(writer => Write(writer, inputs.RootElement));
    }

    /// <summary>Whether the recorded text is the hash of the other.</summary>
    internal static bool IsHashOf(string recorded, string text) =>
        recorded.StartsWith("sha256:", StringComparison.Ordinal) && recorded == $"sha256:{Sha256.Of(text)}";

    /// <summary>Whether a recorded text is not the whole one: the hash of a long text, or a link without its signature.</summary>
    internal static bool IsPart(string recorded) => Hash.IsMatch(recorded) || SafeText.IsHidden(recorded);

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (JsonProperty member in value.EnumerateObject())
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (JsonElement item in value.EnumerateArray()) Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(Short(value.GetString()!));
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    // A long link is cut, not hashed: the service signs it anew, so that only its path can be compared.
    private static string Short(string text)
    {
        string cut = SafeText.HideSignatures(text);
        if (Encoding.UTF8.GetByteCount(cut) <= MaxBytes) return cut;
        string kind = text.StartsWith("data:", StringComparison.OrdinalIgnoreCase) ? "data:" : string.Empty;
        return $"{kind}sha256:{Sha256.Of(text)}";
    }
}
