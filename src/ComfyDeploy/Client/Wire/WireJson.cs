using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>The one place where an answer becomes objects.</summary>
internal static class WireJson
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <exception cref="JsonException">The answer is not the expected JSON.</exception>
    internal static T Read<T>(MemoryStream body, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(ValidJson.Of(body), type) ?? throw new JsonException("null");

    /// <summary>One run. Runs are most of what is read: without the serializer's copy and its search for the end of each object.</summary>
    /// <inheritdoc cref="Read"/>
    internal static RunWire ReadRun(MemoryStream body)
    {
        Utf8JsonReader reader = Begin(body);
        RunWire run = RunReader.Read(ref reader) ?? throw new JsonException("The answer is not a run.");
        End(ref reader);
        return run;
    }

    /// <summary>The rows of a list; null for what is no object, so that the rows can be counted.</summary>
    /// <inheritdoc cref="Read"/>
    internal static List<RunWire?> ReadRuns(MemoryStream body)
    {
        Utf8JsonReader reader = Begin(body);
        if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException("The answer is not a list.");
        List<RunWire?> rows = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) rows.Add(RunReader.Read(ref reader));
        End(ref reader);
        return rows;
    }

    private static Utf8JsonReader Begin(MemoryStream body)
    {
        MemoryStream json = ValidJson.Of(body);
        ReadOnlySpan<byte> bytes = new(json.GetBuffer(), 0, (int)json.Length);
        Utf8JsonReader reader = new(bytes.StartsWith(ByteOrderMark) ? bytes.Slice(ByteOrderMark.Length) : bytes);
        reader.Read();
        return reader;
    }

    /// <summary>Nothing may follow: the reader itself refuses it.</summary>
    private static void End(ref Utf8JsonReader reader)
    {
        while (reader.Read()) reader.Skip();
    }
}
