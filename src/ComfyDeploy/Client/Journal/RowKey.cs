using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>What a row is known by: a hash of its target and inputs, and which of the equal rows it is.</summary>
internal readonly record struct RowKey(Guid Hash, int Occurrence)
{
    private const int HashLength = 32;

    public override string ToString() => $"{Hash:N}#{Occurrence.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The key that <see cref="ToString"/> has written.</summary>
    internal static RowKey Parse(string text) => TryParse(Encoding.UTF8.GetBytes(text), out RowKey key) ? key : default;

    internal static bool TryParse(ReadOnlySpan<byte> text, out RowKey key)
    {
        key = default;
        if (text.Length <= HashLength + 1 || text[HashLength] != '#') return false;
        if (!Utf8Parser.TryParse(text, out Guid hash, out int length, 'N') || length != HashLength) return false;
        ReadOnlySpan<byte> number = text.Slice(HashLength + 1);
        if (!Utf8Parser.TryParse(number, out int occurrence, out length) || length != number.Length) return false;
        key = new(hash, occurrence);
        return true;
    }
}

/// <summary>Gives the rows of one call their keys, in the order of the rows.</summary>
internal sealed class RowKeys
{
    private readonly Dictionary<Guid, int> _counts = [];

    /// <param name="target">What is to run, such as the deployment's ID.</param>
    /// <param name="inputsJson">The final inputs; files stand as their hash.</param>
    internal RowKey Next(string target, string inputsJson)
    {
        using JsonDocument inputs = JsonDocument.Parse(ValidJson.Of(inputsJson), RecordedInputs.Deep);
        string canonical = JsonText.Build(writer => WriteSorted(writer, inputs.RootElement));
        Guid hash = Guid.ParseExact(Sha256.Of($"{target}\n{canonical}").Substring(0, 32), "N");
        _counts.TryGetValue(hash, out int count);
        _counts[hash] = ++count;
        return new(hash, count);
    }

    private static void WriteSorted(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (JsonProperty member in value.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(member.Name);
                    WriteSorted(writer, member.Value);
                }
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (JsonElement item in value.EnumerateArray()) WriteSorted(writer, item);
                writer.WriteEndArray();
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }
}
