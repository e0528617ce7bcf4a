using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Numerics;
using System.Reflection;
using System.Text.Json;

namespace ComfyDeploy.Text;

/// <summary>
/// Converts free-form JSON to what PowerShell works with: custom objects, arrays, text, numbers, Booleans. Never a JSON type.
/// </summary>
internal static class FreeJson
{
    private static readonly HashSet<string> ReservedNames =
        new(StringComparer.OrdinalIgnoreCase) { "psadapted", "psbase", "psextended", "psobject", "pstypenames", nameof(ToString) };
    private static readonly MethodInfo ToJsonTextMethod = typeof(FreeJson).GetMethod(nameof(ToJsonText))!;

    /// <summary>Returns a new object at each call, so that what a script adds to one result does not appear in the next.</summary>
    /// <returns>A custom object whose text is compact JSON; null for null or for anything but a JSON object.</returns>
    internal static PSObject? ReadObject(string? json)
    {
        return Read(json) is PSObject value ? WithText(value) : null;
    }

    /// <summary>Custom object with these members, of JSON or plain; null for none. Of two with one name, the last counts.</summary>
    internal static PSObject? Convert(IReadOnlyList<KeyValuePair<string, object?>>? members) => members is { Count: > 0 }
        ? WithText(ToObject(members.GroupBy(member => member.Key)
            .Select(same => (same.Key, same.Last().Value is JsonElement json ? Convert(json) : same.Last().Value))))
        : null;

    internal static object? Convert(JsonElement? element) => element is { } value ? Convert(value) : null;

    /// <summary>The ToString of the objects made here; public, because PSCodeMethod requires it.</summary>
    public static string ToJsonText(PSObject value) => JsonText.Build(writer => JsonText.WriteValue(writer, ToPlain(value)));

    internal static object? Read(string? json)
    {
        if (json is null) return null;
        using JsonDocument document = JsonDocument.Parse(json);
        return Convert(document.RootElement);
    }

    internal static object? Convert(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => ToObject(element.EnumerateObject().Select(property => (property.Name, Convert(property.Value)))),
        JsonValueKind.Array => element.EnumerateArray().Select(Convert).ToArray(),
        JsonValueKind.String => element.GetString(),
        JsonValueKind.Number => ConvertNumber(element),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    /// <summary>Converts PowerShell's objects back to plain maps and lists.</summary>
    internal static object? ToPlain(object? value) => value switch
    {
        PSObject { BaseObject: PSCustomObject } custom =>
            custom.Properties.ToDictionary(property => property.Name, property => ToPlain(property.Value)),
        PSObject wrapped => ToPlain(wrapped.BaseObject),
        IDictionary map => map.Cast<DictionaryEntry>().ToDictionary(entry => entry.Key.ToString()!, entry => ToPlain(entry.Value)),
        IEnumerable items and not string => items.Cast<object?>().Select(ToPlain).ToArray(),
        _ => value,
    };

    private static PSObject WithText(PSObject value)
    {
        value.Methods.Add(new PSCodeMethod("ToString", ToJsonTextMethod));
        return value;
    }

    private static PSObject ToObject(IEnumerable<(string Name, object? Value)> members)
    {
        PSObject result = new();
        foreach ((string given, object? value) in members)
        {
            // PowerShell's names are case-insensitive, never empty and some are reserved; JSON has none of these rules.
            string name = given.Length == 0 ? "_" : given;
            while (ReservedNames.Contains(name) || result.Properties[name] is not null) name += "_";
            result.Properties.Add(new PSNoteProperty(name, value));
        }
        return result;
    }

    private static object ConvertNumber(JsonElement element)
    {
        if (element.TryGetInt64(out long integer)) return integer;
        string text = element.GetRawText();
        if (BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger big)) return big;
        // A number beyond the range of double stays text.
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && !double.IsInfinity(number)
            ? number : text;
    }
}
