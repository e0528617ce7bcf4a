using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

// The wire is read as it comes: a number may arrive as text, a text as a number, and a value of another shape reads as null.
// One odd field must not cost the user a run that is billed.

internal sealed class LenientText : JsonConverter<string?>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String) return Text(ref reader);
        using JsonDocument value = JsonDocument.ParseValue(ref reader);
        return value.RootElement.ValueKind == JsonValueKind.Null ? null : value.RootElement.GetRawText();
    }

    public override void Write(Utf8JsonWriter writer, string? value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    /// <summary>The text of a string token, whatever is escaped in it.</summary>
    internal static string? Text(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped) return reader.GetString();
        using JsonDocument raw = JsonDocument.ParseValue(ref reader);
        using JsonDocument whole = JsonDocument.Parse(LoneSurrogates.Replace(raw.RootElement.GetRawText()));
        return whole.RootElement.GetString();
    }
}

internal sealed class LenientNumber : JsonConverter<double?>
{
    public override double? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Number) return reader.GetDouble();
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return null;
        }
        bool parsed = double.TryParse(LenientText.Text(ref reader), NumberStyles.Float, CultureInfo.InvariantCulture, out double number);
        return parsed && !double.IsNaN(number) && !double.IsInfinity(number) ? number : null;
    }

    public override void Write(Utf8JsonWriter writer, double? value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value, WireContext.Default.NullableDouble);
}

internal sealed class LenientBoolean : JsonConverter<bool?>
{
    public override bool? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.True: return true;
            case JsonTokenType.False: return false;
            case JsonTokenType.String: return bool.TryParse(LenientText.Text(ref reader), out bool value) ? value : null;
            case JsonTokenType.Number: return reader.GetDouble() != 0;
            default:
                reader.Skip();
                return null;
        }
    }

    public override void Write(Utf8JsonWriter writer, bool? value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value, WireContext.Default.NullableBoolean);
}

internal sealed class LenientTime : JsonConverter<DateTime?>
{
    public override DateTime? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String: return Timestamp.Parse(LenientText.Text(ref reader));
            case JsonTokenType.Number: return Timestamp.FromUnixSeconds(reader.GetDouble());
            default:
                reader.Skip();
                return null;
        }
    }

    public override void Write(Utf8JsonWriter writer, DateTime? value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value, WireContext.Default.NullableDateTime);
}

/// <summary>Keeps a value of no fixed shape as its text, null for null.</summary>
internal sealed class RawJson : JsonConverter<string?>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using JsonDocument value = JsonDocument.ParseValue(ref reader);
        return value.RootElement.ValueKind == JsonValueKind.Null ? null : LoneSurrogates.Replace(value.RootElement.GetRawText());
    }

    public override void Write(Utf8JsonWriter writer, string? value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value ?? "null");
}
