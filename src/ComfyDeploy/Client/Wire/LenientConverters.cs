using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ComfyDeploy.Client;

// Answers are read as they come: a number may arrive as text, a text as a number, and a value of another shape reads as null.
// One odd field must not cost the user a run that is billed.

internal abstract class ReadOnlyConverter<T> : JsonConverter<T>
{
    public sealed override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => throw new NotSupportedException();

    private protected static T? Skip(ref Utf8JsonReader reader)
    {
        reader.Skip();
        return default;
    }
}

internal sealed class LenientText : ReadOnlyConverter<string?>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Of(ref reader);

    internal static string? Of(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String ? reader.GetString() : JsonElement.ParseValue(ref reader).GetRawText();

    // The keys of a dictionary are read by the converter of texts.
    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString()!;
}

internal sealed class LenientNumber : ReadOnlyConverter<double?>
{
    public override double? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Of(ref reader);

    internal static double? Of(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number => Number(ref reader),
        JsonTokenType.String => Parse(reader.GetString()),
        _ => Skip(ref reader),
    };

    /// <summary>A number in the range of double; .NET Framework throws for any other, later versions read infinity.</summary>
    internal static double? Number(ref Utf8JsonReader reader) => reader.TryGetDouble(out double number) ? Finite(number) : null;

    private static double? Parse(string? text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? Finite(number) : null;

    internal static double? Finite(double number) => double.IsNaN(number) || double.IsInfinity(number) ? null : number;
}

/// <summary>A number with all its digits, such as the largest seed. One beyond the range of decimal reads as null.</summary>
internal sealed class LenientDecimal : ReadOnlyConverter<decimal?>
{
    public override decimal? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Number => reader.TryGetDecimal(out decimal number) ? number : null,
        JsonTokenType.String => decimal.TryParse(reader.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number)
            ? number : null,
        _ => Skip(ref reader),
    };
}

internal sealed class LenientBoolean : ReadOnlyConverter<bool?>
{
    public override bool? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Of(ref reader);

    internal static bool? Of(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.String => bool.TryParse(reader.GetString(), out bool value) ? value : null,
        JsonTokenType.Number => LenientNumber.Number(ref reader) is not (null or 0),
        _ => Skip(ref reader),
    };
}

internal sealed class LenientTime : ReadOnlyConverter<DateTime?>
{
    public override DateTime? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Of(ref reader);

    internal static DateTime? Of(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => reader.TryGetDateTime(out DateTime time) ? Timestamp.Local(time) : Timestamp.Parse(reader.GetString()),
        JsonTokenType.Number => LenientNumber.Number(ref reader) is { } seconds ? Timestamp.FromUnixSeconds(seconds) : null,
        _ => Skip(ref reader),
    };
}
