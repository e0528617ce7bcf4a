using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>
/// Names the rows of a batch by what they run: the same inputs on the same target have the same name, wherever they stand, and the second
/// of two equal rows has another one.
/// </summary>
internal sealed class RowKeys
{
    private const int HashBytes = 16;

    private readonly Dictionary<string, int> _counts = [];

    /// <summary>The key of the next row with these inputs.</summary>
    /// <param name="target">What it runs.</param>
    /// <param name="inputsJson">Its inputs as a JSON object; the order of their names does not matter.</param>
    internal string Next(string target, string inputsJson)
    {
        string hash = Hash(target, inputsJson);
        _counts[hash] = _counts.TryGetValue(hash, out int count) ? count + 1 : 1;
        return $"{hash}#{_counts[hash]}";
    }

    private static string Hash(string target, string inputsJson)
    {
        using JsonDocument inputs = JsonDocument.Parse(ValidJson.Of(inputsJson));
        string sorted = JsonText.Build(writer =>
        {
            writer.WriteStartObject();
            foreach (JsonProperty input in inputs.RootElement.EnumerateObject().OrderBy(input => input.Name, StringComparer.Ordinal))
            {
                input.WriteTo(writer);
            }
            writer.WriteEndObject();
        });
        using SHA256 sha = SHA256.Create();
        byte[] hash = sha.ComputeHash(Encoding.UTF8.GetBytes($"{target}\n{sorted}"));
        return Hex.Of(hash, HashBytes);
    }
}
