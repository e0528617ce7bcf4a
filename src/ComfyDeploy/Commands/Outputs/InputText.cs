using System.Text.Json;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Commands;

/// <summary>An input of a run as a part of a file name.</summary>
internal static class InputText
{
    private static readonly Regex Spaces = new(@"\s+", RegexOptions.CultureInvariant);

    /// <summary>The value on one line; empty for an input that the run does not have.</summary>
    internal static string Of(ComfyRun? run, string name)
    {
        if (run?.InputsJson is null) return string.Empty;
        using JsonDocument inputs = JsonDocument.Parse(run.InputsJson);
        if (inputs.RootElement.ValueKind != JsonValueKind.Object) return string.Empty;
        JsonProperty[] named =
            [.. inputs.RootElement.EnumerateObject().Where(input => string.Equals(input.Name, name, StringComparison.OrdinalIgnoreCase))];
        // Names that differ in case are two inputs of the service.
        JsonProperty? exact = named.Cast<JsonProperty?>().FirstOrDefault(input => input!.Value.Name == name);
        return named.Length == 0 ? string.Empty : Spaces.Replace(Text((exact ?? named[0]).Value), " ").Trim();
    }

    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => NameOfLink(value.GetString()!),
        JsonValueKind.Array => string.Join(", ", value.EnumerateArray().Select(Text)),
        JsonValueKind.Null => string.Empty,
        _ => value.GetRawText(),
    };

    /// <summary>The file name of a link, nothing of an image that is given as its bytes, and any other text as it is.</summary>
    private static string NameOfLink(string text)
    {
        if (text.StartsWith("data:", StringComparison.OrdinalIgnoreCase)) return string.Empty;
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? link) && link.Scheme is "http" or "https"
            ? Uri.UnescapeDataString(link.Segments.Last())
            : text;
    }
}
