using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Writes inputs as JSON, and tells whether two sets of inputs are the same run.</summary>
internal static class InputJson
{
    // The text is shown to people (-WhatIf, CSV), so that letters stay letters; it is never put into a page.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static string Write(IReadOnlyDictionary<string, object?> inputs) => WriteText(writer => WriteValue(writer, inputs));

    internal static string WriteText(Action<Utf8JsonWriter> write)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, Readable)) write(writer);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    internal static void WriteValue(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null or double.NaN or double.PositiveInfinity or double.NegativeInfinity or float.NaN or float.PositiveInfinity or float.NegativeInfinity: writer.WriteNullValue(); break;
            case DateTime or DateTimeOffset: writer.WriteStringValue(((IFormattable)value).ToString("o", CultureInfo.InvariantCulture)); break;
            case string text: writer.WriteStringValue(text); break;
            case bool flag: writer.WriteBooleanValue(flag); break;
            case BigInteger number: writer.WriteRawValue(number.ToString(CultureInfo.InvariantCulture)); break;
            case decimal number: writer.WriteNumberValue(number); break;
            case float number: writer.WriteNumberValue(number); break;
            case double number: writer.WriteNumberValue(number); break;
            case ulong number: writer.WriteNumberValue(number); break;
            case sbyte or byte or short or ushort or int or uint or long: writer.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture)); break;
            case IReadOnlyDictionary<string, object?> map:
                writer.WriteStartObject();
                foreach (KeyValuePair<string, object?> entry in map)
                {
                    writer.WritePropertyName(entry.Key);
                    WriteValue(writer, entry.Value);
                }
                writer.WriteEndObject();
                break;
            case IEnumerable list:
                writer.WriteStartArray();
                foreach (object? item in list) WriteValue(writer, item);
                writer.WriteEndArray();
                break;
            default: writer.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }

    /// <summary>Whether the stored inputs are those that were sent: numbers by value, objects unordered, files by key, since the service rewrites their links.</summary>
    internal static bool AreSame(string sent, string? stored)
    {
        using JsonDocument ours = JsonDocument.Parse(LoneSurrogates.Replace(sent));
        using JsonDocument theirs = JsonDocument.Parse(LoneSurrogates.Replace(stored ?? "{}"));
        return AreSame(ours.RootElement, theirs.RootElement);
    }

    private static bool AreSame(JsonElement sent, JsonElement stored)
    {
        if (sent.ValueKind != stored.ValueKind) return false;
        return sent.ValueKind switch
        {
            JsonValueKind.Object => AreSameObjects(sent, stored),
            JsonValueKind.Array => sent.GetArrayLength() == stored.GetArrayLength() && sent.EnumerateArray().Zip(stored.EnumerateArray(), AreSame).All(same => same),
            JsonValueKind.String => AreSameTexts(sent.GetString()!, stored.GetString()!),
            JsonValueKind.Number => AreSameNumbers(sent, stored),
            _ => true,
        };
    }

    private static bool AreSameObjects(JsonElement sent, JsonElement stored)
    {
        Dictionary<string, JsonElement> expected = Members(sent);
        Dictionary<string, JsonElement> actual = Members(stored);
        return expected.Count == actual.Count && expected.All(member => actual.TryGetValue(member.Key, out JsonElement value) && AreSame(member.Value, value));
    }

    private static Dictionary<string, JsonElement> Members(JsonElement element)
    {
        Dictionary<string, JsonElement> members = [];
        foreach (JsonProperty property in element.EnumerateObject()) members[property.Name] = property.Value;
        return members;
    }

    private static bool AreSameTexts(string sent, string stored)
    {
        if (sent == stored || sent.StartsWith("data:", StringComparison.OrdinalIgnoreCase)) return true;
        return IsLink(sent, out Uri? from) && IsLink(stored, out Uri? to) && from!.Segments.Last() == to!.Segments.Last();
    }

    private static bool IsLink(string text, out Uri? link) =>
        Uri.TryCreate(text, UriKind.Absolute, out link) && (link.Scheme == Uri.UriSchemeHttps || link.Scheme == Uri.UriSchemeHttp);

    private static bool AreSameNumbers(JsonElement sent, JsonElement stored)
    {
        if (!sent.TryGetDecimal(out decimal a) || !stored.TryGetDecimal(out decimal b)) return sent.GetDouble().Equals(stored.GetDouble());
        // A fraction is stored as a double, which may have fewer digits; a whole number, such as a seed, keeps all of them.
        return a == b || (a % 1 != 0 && sent.GetDouble().Equals(stored.GetDouble()));
    }
}
