using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace ComfyDeploy.Client;

/// <summary>A part of an answer: anything but an object reads as null, so that the rest is not lost with it.</summary>
internal abstract class LenientObject<T>(Func<JsonTypeInfo<T>> type) : JsonConverter<T?> where T : class
{
    public override T? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.StartObject) return JsonSerializer.Deserialize(ref reader, type());
        reader.Skip();
        return null;
    }

    public override void Write(Utf8JsonWriter writer, T? value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value!, type());
}

internal sealed class LenientNamed() : LenientObject<NamedWire>(() => WireContext.Default.NamedWire);

internal sealed class LenientVersion() : LenientObject<VersionWire>(() => WireContext.Default.VersionWire);

/// <summary>The inputs of a deployment, without those that cannot be read.</summary>
internal sealed class LenientInputs : JsonConverter<List<InputWire>?>
{
    private static readonly LenientInput Item = new();

    public override List<InputWire>? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return null;
        }
        List<InputWire> inputs = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (Item.Read(ref reader, typeof(InputWire), options) is { } input) inputs.Add(input);
        }
        return inputs;
    }

    public override void Write(Utf8JsonWriter writer, List<InputWire>? value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value!, WireContext.Default.ListInputWire);

    private sealed class LenientInput() : LenientObject<InputWire>(() => WireContext.Default.InputWire);
}
