using System.Globalization;
using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>Members of a line; null where they are missing or of another kind.</summary>
internal static class ManifestJson
{
    internal static string? Text(this JsonElement line, string name) =>
        line.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    internal static double? Number(this JsonElement line, string name) =>
        line.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetDouble(out double number) ? number : null;

    /// <summary>Local time.</summary>
    internal static DateTime? Time(this JsonElement line, string name) => Timestamp.Parse(line.Text(name));

    internal static void WriteText(this Utf8JsonWriter writer, string name, string? text)
    {
        if (text is not null) writer.WriteString(name, text);
    }

    internal static void WriteTime(this Utf8JsonWriter writer, string name, DateTime? time) =>
        writer.WriteText(name, time?.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture));

    internal static void WriteNumber(this Utf8JsonWriter writer, string name, double? number)
    {
        // JSON has no other numbers.
        if (number is { } value && !double.IsNaN(value) && !double.IsInfinity(value)) writer.WriteNumber(name, value);
    }
}
