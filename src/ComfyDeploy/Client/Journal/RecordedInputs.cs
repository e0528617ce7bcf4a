using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>
/// Inputs as a manifest has them: long texts as their hash, and texts with signed links without the signatures, followed by the hash of the
/// whole text, since two links may differ only in what is hidden.
/// </summary>
internal static class RecordedInputs
{
    internal static readonly JsonDocumentOptions Deep = new() { MaxDepth = 1000 };

    private const int MaxBytes = 1024;

    private static readonly Regex Hashed =
        new(@"^((?<text>.*\?….*) |(data:)?)sha256:(?<hash>[0-9a-fA-F]{64})$", RegexOptions.CultureInvariant | RegexOptions.Singleline);

    private static readonly Regex HashedInJson = new("sha256:[0-9a-fA-F]{64}\"", RegexOptions.CultureInvariant);

    internal static string Of(string inputsJson)
    {
        using JsonDocument inputs = JsonDocument.Parse(ValidJson.Of(inputsJson), Deep);
        return JsonText.Build(writer => Write(writer, inputs.RootElement));
    }

    /// <summary>What can be read of a recorded text, and the hash of the whole text; null for one that was recorded without.</summary>
    internal static (string Text, string? Hash) Split(string recorded) =>
        Hashed.Match(recorded) is { Success: true } match ? (match.Groups["text"].Value, match.Groups["hash"].Value) : (recorded, null);

    /// <summary>Whether a text has the form of one that was recorded with its hash.</summary>
    internal static bool IsHashed(string text) => Hashed.IsMatch(text);

    /// <summary>Whether inputs may have a text of that form.</summary>
    internal static bool MayBeHashed(string inputsJson) => HashedInJson.IsMatch(inputsJson);

    /// <summary>Whether a recorded text is not the whole one.</summary>
    internal static bool IsPart(string recorded) => IsHashed(recorded) || SafeText.HasHidden(recorded);

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

    // A long link is cut and not only hashed: the service may sign it anew, so that its path must be known.
    private static string Short(string text)
    {
        string cut = SafeText.HideSignatures(text);
        if (Encoding.UTF8.GetByteCount(cut) <= MaxBytes) return cut == text ? text : $"{cut} sha256:{Sha256.Of(text)}";
        string kind = text.StartsWith("data:", StringComparison.OrdinalIgnoreCase) ? "data:" : string.Empty;
        return $"{kind}sha256:{Sha256.Of(text)}";
    }
}
