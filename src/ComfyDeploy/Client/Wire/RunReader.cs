using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>
/// Reads a run of any answer. A list has thousands that resemble each other: a field is expected where the last run had it, and a word
/// that repeats is not made again.
/// </summary>
internal sealed class RunReader : ReadOnlyConverter<RunWire?>
{
    // Words, IDs and addresses; longer text hardly repeats, and would be kept.
    private const int MaxKeptText = 64;
    private const int MaxKeptFields = 64;

    private static readonly Dictionary<string, Field> Fields = new()
    {
        ["id"] = Text((run, text) => run.Id = text),
        ["status"] = Text((run, text) => run.Status = text),
        ["created_at"] = Time((run, time) => run.CreatedAt = time),
        ["updated_at"] = Time((run, time) => run.UpdatedAt = time),
        ["ended_at"] = Time((run, time) => run.EndedAt = time),
        ["queued_at"] = Time((run, time) => run.QueuedAt = time),
        ["started_at"] = Time((run, time) => run.StartedAt = time),
        ["workflow_id"] = Text((run, text) => run.WorkflowId = text),
        ["user_id"] = Text((run, text) => run.UserId = text),
        ["org_id"] = Text((run, text) => run.OrgId = text),
        ["origin"] = Text((run, text) => run.Origin = text),
        ["gpu"] = Text((run, text) => run.Gpu = text),
        ["machine_id"] = Text((run, text) => run.MachineId = text),
        ["machine_version"] = Text((run, text) => run.MachineVersion = text),
        ["machine_type"] = Text((run, text) => run.MachineType = text),
        ["modal_function_call_id"] = Text((run, text) => run.FunctionCallId = text),
        ["webhook"] = Text((run, text) => run.Webhook = text),
        ["webhook_status"] = Text((run, text) => run.WebhookStatus = text),
        ["webhook_intermediate_status"] = Boolean((run, value) => run.WebhookIntermediateStatus = value),
        ["batch_id"] = Text((run, text) => run.BatchId = text),
        ["workflow_version_id"] = Text((run, text) => run.WorkflowVersionId = text),
        ["deployment_id"] = Text((run, text) => run.DeploymentId = text),
        ["duration"] = Number((run, number) => run.Duration = number),
        ["comfy_deploy_cold_start"] = Number((run, number) => run.QueueDuration = number),
        ["cold_start_duration"] = Number((run, number) => run.ColdStartDuration = number),
        ["run_duration"] = Number((run, number) => run.RunDuration = number),
        ["queue_position"] = Number((run, number) => run.QueuePosition = number),
        ["progress"] = Number((run, number) => run.Progress = number),
        ["number"] = Number((run, number) => run.Number = number),
        ["live_status"] = Text((run, text) => run.LiveStatus = text),
        ["is_realtime"] = Boolean((run, value) => run.IsRealtime = value),
        ["gpu_event_id"] = Text((run, text) => run.GpuEventId = text),
        ["workflow_inputs"] = Json((run, json) => run.WorkflowInputs = json),
        ["workflow_api"] = Json((run, json) => run.WorkflowApi = json),
        ["run_log"] = Json((run, json) => run.RunLog = json),
        ["outputs"] = Json((run, json) => run.Outputs = json),
    };

    // What the last run that this thread has read was like.
    [ThreadStatic] private static List<Slot>? _last;

    private delegate void Field(ref Utf8JsonReader reader, RunWire run, Slot slot);

    public override RunWire? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Read(ref reader);

    /// <returns>Null for what is no object.</returns>
    internal static RunWire? Read(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) return Skip(ref reader);
        List<Slot> last = _last ??= [];
        RunWire run = new();
        for (int i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndObject; i++)
        {
            Slot slot = SlotOf(ref reader, last, i);
            reader.Read();
            if (slot.Field is { } field) field(ref reader, run, slot);
            else (run.Unknown ??= new(1)).Add(new(slot.Name, Value(ref reader, slot)));
        }
        return run;
    }

    private static Slot SlotOf(ref Utf8JsonReader reader, List<Slot> last, int place)
    {
        if (place < last.Count && reader.ValueTextEquals(last[place].Utf8Name)) return last[place];
        Slot slot = new(reader.GetString()!);
        if (place < last.Count) last[place] = slot;
        else if (place == last.Count && place < MaxKeptFields) last.Add(slot);
        return slot;
    }

    private static Field Text(Action<RunWire, string?> set) =>
        (ref Utf8JsonReader reader, RunWire run, Slot slot) => set(run, TextOf(ref reader, slot));

    private static Field Time(Action<RunWire, DateTime?> set) =>
        (ref Utf8JsonReader reader, RunWire run, Slot _) => set(run, LenientTime.Of(ref reader));

    private static Field Number(Action<RunWire, double?> set) =>
        (ref Utf8JsonReader reader, RunWire run, Slot _) => set(run, NumberOf(ref reader));

    private static Field Boolean(Action<RunWire, bool?> set) =>
        (ref Utf8JsonReader reader, RunWire run, Slot _) => set(run, LenientBoolean.Of(ref reader));

    private static Field Json(Action<RunWire, JsonElement?> set) => (ref Utf8JsonReader reader, RunWire run, Slot _) =>
        set(run, reader.TokenType == JsonTokenType.Null ? null : JsonElement.ParseValue(ref reader));

    /// <summary>A field that is not known, as little of it as can be.</summary>
    private static object? Value(ref Utf8JsonReader reader, Slot slot) => reader.TokenType switch
    {
        JsonTokenType.Null => null,
        JsonTokenType.String => TextOf(ref reader, slot),
        _ => JsonElement.ParseValue(ref reader),
    };

    private static string? TextOf(ref Utf8JsonReader reader, Slot slot)
    {
        if (reader.TokenType == JsonTokenType.Null) return null;
        if (reader.TokenType != JsonTokenType.String) return LenientText.Of(ref reader);
        return slot.Is(ref reader) ? slot.Text : slot.Keep(ref reader);
    }

    /// <summary>Lists have numbers as text; only an odd one is made into text to be read.</summary>
    private static double? NumberOf(ref Utf8JsonReader reader) =>
        reader is { TokenType: JsonTokenType.String, HasValueSequence: false }
            && Utf8Parser.TryParse(reader.ValueSpan, out double number, out int length) && length == reader.ValueSpan.Length
            ? LenientNumber.Finite(number) : LenientNumber.Of(ref reader);

    /// <summary>A field in its place, and its last text.</summary>
    private sealed class Slot(string name)
    {
        private readonly byte[] _utf8 = new byte[MaxKeptText];
        private int _length;

        internal string Name { get; } = name;

        internal byte[] Utf8Name { get; } = Encoding.UTF8.GetBytes(name);

        internal Field? Field { get; } = Fields.TryGetValue(name, out Field? field) ? field : null;

        internal string Text { get; private set; } = string.Empty;

        internal bool Is(ref Utf8JsonReader reader) => reader.ValueTextEquals(new ReadOnlySpan<byte>(_utf8, 0, _length));

        internal string Keep(ref Utf8JsonReader reader)
        {
            string text = reader.GetString()!;
            if (reader.HasValueSequence || reader.ValueIsEscaped || reader.ValueSpan.Length > _utf8.Length) return text;
            reader.ValueSpan.CopyTo(_utf8);
            _length = reader.ValueSpan.Length;
            return Text = text;
        }
    }
}
