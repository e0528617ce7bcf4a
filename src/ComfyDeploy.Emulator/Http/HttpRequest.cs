using System.Text;

namespace ComfyDeploy.Emulator.Http;

/// <summary>One request as it was sent.</summary>
internal sealed class HttpRequest
{
    public required string Method { get; init; }

    /// <summary>The path as sent, percent escapes untouched, without the query.</summary>
    public required string Path { get; init; }

    /// <summary>The text after the question mark, or an empty string.</summary>
    public required string Query { get; init; }

    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    public required byte[] Body { get; init; }

    public string? Header(string name) => Headers.TryGetValue(name, out string? value) ? value : null;

    public string BodyText => Encoding.UTF8.GetString(Body);

    /// <summary>Query parameters, decoded; of a repeated name the last one counts.</summary>
    public Dictionary<string, string> Parameters()
    {
        Dictionary<string, string> parameters = new(StringComparer.Ordinal);
        foreach (string pair in Query.Split(['&'], StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=');
            string name = equals < 0 ? pair : pair.Substring(0, equals);
            parameters[Decode(name)] = equals < 0 ? "" : Decode(pair.Substring(equals + 1));
        }

        return parameters;
    }

    private static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}
