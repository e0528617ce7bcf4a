using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>The rows of a manifest, from its lines. Not safe for use by several threads.</summary>
internal sealed class ManifestState
{
    private static readonly JsonReaderOptions Deep = new() { MaxDepth = 1001 };

    private readonly Dictionary<RowKey, int> _places = [];
    private readonly List<ManifestRow> _rows = [];
    private readonly HashSet<Guid> _runs = [];

    // The last line of each path. Two names that differ in case are one file on many systems.
    private readonly Dictionary<string, (int Place, long At)> _saved = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>By number, then by first appearance.</summary>
    internal IReadOnlyList<ManifestRow> Rows => [.. _rows.OrderBy(row => row.Number)];

    internal ManifestRow? Find(RowKey key) => _places.TryGetValue(key, out int place) ? _rows[place] : null;

    internal bool HasRun(string runId) => Guid.TryParse(runId, out Guid id) && _runs.Contains(id);

    /// <summary>Applies a line that begins there in the file.</summary>
    /// <returns>False for a damaged line, which changes nothing.</returns>
    internal bool TryApply(ReadOnlySpan<byte> line, long at)
    {
        try
        {
            Fields fields = Read(line);
            if (fields.Event == Event.Damaged) return false;
            if (fields.Event == Event.Unknown) return true;
            Apply(fields, at);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
        catch (InvalidOperationException)
        {
            // Text that is not UTF-8, or half a surrogate.
            return false;
        }
    }

    private static Fields Read(ReadOnlySpan<byte> line)
    {
        Utf8JsonReader reader = new(line, Deep);
        Fields fields = default;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return fields;
        bool isKnown = false, hasKey = false, hasRun = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("event"u8))
            {
                reader.Read();
                if (reader.TokenType != JsonTokenType.String) return default;
                fields.Event = EventOf(ref reader);
                isKnown = true;
            }
            else if (reader.ValueTextEquals("key"u8))
            {
                reader.Read();
                hasKey = reader.TokenType == JsonTokenType.String && RowKey.TryParse(reader.ValueSpan, out fields.Key);
            }
            else if (reader.ValueTextEquals("run"u8))
            {
                reader.Read();
                hasRun = reader.TokenType == JsonTokenType.String
                    && Utf8Parser.TryParse(reader.ValueSpan, out fields.Run, out int length) && length == reader.ValueSpan.Length;
            }
            else if (reader.ValueTextEquals("row"u8)) fields.Number = NumberOf(ref reader);
            else if (reader.ValueTextEquals("attempt"u8)) fields.Attempt = NumberOf(ref reader);
            else if (reader.ValueTextEquals("status"u8))
            {
                reader.Read();
                fields.IsCancelled = reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("cancelled"u8);
            }
            else if (fields.Event == Event.Saved && reader.ValueTextEquals("path"u8))
            {
                reader.Read();
                // As it is written: not every string is valid text.
                if (reader.TokenType == JsonTokenType.String) fields.Path = Encoding.UTF8.GetString(reader.ValueSpan.ToArray());
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }
        // Nothing may follow: the reader itself refuses it.
        while (reader.Read()) reader.Skip();
        if (fields.Event == Event.Unknown) return fields;
        bool needsRun = fields.Event is not (Event.Intent or Event.Refused);
        return isKnown && hasKey && (hasRun || !needsRun) ? fields : default;
    }

    private static int NumberOf(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int number)) return number;
        throw new JsonException("The number of a row or an attempt is not valid.");
    }

    private static Event EventOf(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("intent"u8) ? Event.Intent
            : reader.ValueTextEquals("queued"u8) ? Event.Queued
            : reader.ValueTextEquals("refused"u8) ? Event.Refused
            : reader.ValueTextEquals("stopping"u8) ? Event.Stopping
            : reader.ValueTextEquals("ended"u8) ? Event.Ended
            : reader.ValueTextEquals("saved"u8) ? Event.Saved
            : Event.Unknown;

    private void Apply(Fields fields, long at)
    {
        if (!_places.TryGetValue(fields.Key, out int place))
        {
            _places.Add(fields.Key, place = _rows.Count);
            _rows.Add(new(fields.Key));
        }
        if (fields.Path is { } path)
        {
            // The file that was there before is gone.
            if (_saved.TryGetValue(path, out (int Place, long At) last))
                _rows[last.Place] = _rows[last.Place] with { SavedAt = [.. _rows[last.Place].SavedAt.Where(other => other != last.At)] };
            _saved[path] = (place, at);
        }
        ManifestRow row = _rows[place];
        if (fields.Run != Guid.Empty)
        {
            // A line that names a run shows that it was queued, also when the line that said so was lost.
            bool isNew = _runs.Add(fields.Run) && row.State is (RowState.Intended or RowState.Refused);
            if (isNew || (fields.Event == Event.Queued && row.Run != fields.Run))
                row = new(row.Key)
                {
                    Number = row.Number,
                    Attempt = row.Attempt,
                    IntentAt = row.IntentAt,
                    State = RowState.Queued,
                    Run = fields.Run,
                };
        }
        _rows[place] = fields.Event == Event.Intent || fields.Event == Event.Refused || row.Run == fields.Run
            ? After(row, fields, at) : row;
    }

    private static ManifestRow After(ManifestRow row, Fields fields, long at) => fields.Event switch
    {
        Event.Intent => new(row.Key)
        {
            Number = row.Number == int.MaxValue ? fields.Number : row.Number,
            Attempt = fields.Attempt,
            IntentAt = at,
            Before = row.Run != Guid.Empty ? row : row.Before,
        },
        // A run that is known outweighs a refusal.
        Event.Refused when row.State is RowState.Intended or RowState.Refused => row.Before is { } before
            ? before with { Attempt = row.Attempt } : row with { State = RowState.Refused, AnswerAt = at },
        Event.Stopping => row with { IsStopping = true },
        Event.Ended => row with { State = RowState.Ended, IsCancelled = fields.IsCancelled, AnswerAt = at },
        Event.Saved => row with { SavedAt = [.. row.SavedAt, at] },
        _ => row,
    };

    private enum Event
    {
        Damaged,
        Unknown,
        Intent,
        Queued,
        Refused,
        Stopping,
        Ended,
        Saved,
    }

    private struct Fields
    {
        internal Event Event;
        internal RowKey Key;
        internal Guid Run;
        internal int Number;
        internal int Attempt;
        internal string? Path;
        internal bool IsCancelled;
    }
}
