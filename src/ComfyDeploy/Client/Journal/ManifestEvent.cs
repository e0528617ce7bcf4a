using System.Text.Json;

namespace ComfyDeploy.Client;

internal enum ManifestEventKind
{
    /// <summary>Of a later version: it is left alone.</summary>
    Unknown,
    Intent,
    Queued,
    Refused,
    Stopping,
    Ended,
    Saved,
}

/// <summary>The part of a line that decides about its row.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Key">The row.</param>
/// <param name="RunId">The run.</param>
/// <param name="Status">The status of a run that has ended.</param>
/// <param name="Row">The number of the row.</param>
/// <param name="Offset">Where the line begins.</param>
internal readonly record struct ManifestEvent(
    ManifestEventKind Kind, string? Key, string? RunId, string? Status, int Row, long Offset)
{
    /// <exception cref="JsonException">The line is not a JSON object.</exception>
    internal static ManifestEvent Read(ReadOnlySpan<byte> line, long offset)
    {
        ManifestEvent read = new(ManifestEventKind.Unknown, null, null, null, 0, offset);
        Utf8JsonReader reader = new(line);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("event"u8)) read = read with { Kind = KindOf(Text(ref reader)) };
            else if (reader.ValueTextEquals("key"u8)) read = read with { Key = Text(ref reader) };
            else if (reader.ValueTextEquals("run"u8)) read = read with { RunId = Text(ref reader) };
            else if (reader.ValueTextEquals("status"u8)) read = read with { Status = Text(ref reader) is { } status ? string.Intern(status) : null };
            else if (reader.ValueTextEquals("row"u8)) read = read with { Row = Number(ref reader) };
            else reader.Skip();
        }
        // Nothing may follow.
        reader.Read();
        return read;
    }

    private static ManifestEventKind KindOf(string? name) =>
        Enum.TryParse(name, ignoreCase: true, out ManifestEventKind kind) ? kind : ManifestEventKind.Unknown;

    private static string? Text(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String) return reader.GetString();
        reader.Skip();
        return null;
    }

    private static int Number(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int number)) return number;
        reader.Skip();
        return 0;
    }
}
