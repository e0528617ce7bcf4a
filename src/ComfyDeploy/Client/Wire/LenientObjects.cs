using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ComfyDeploy.Client;

/// <summary>A part of an answer: anything but an object reads as null, so that the rest is not lost with it.</summary>
internal abstract class LenientObject<T>(Func<JsonTypeInfo<T>> type) : ReadOnlyConverter<T?> where T : class
{
    public override T? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.StartObject ? JsonSerializer.Deserialize(ref reader, type()) : Skip(ref reader);
}

internal sealed class LenientNamed() : LenientObject<NamedWire>(() => WireContext.Default.NamedWire);

internal sealed class LenientVersion() : LenientObject<VersionWire>(() => WireContext.Default.VersionWire);

/// <summary>A list, without the items that are not objects.</summary>
internal abstract class LenientList<T>(Func<JsonTypeInfo<T>> type) : ReadOnlyConverter<List<T>?> where T : class
{
    public override List<T>? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray) return Skip(ref reader);
        List<T> items = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.StartObject) items.Add(JsonSerializer.Deserialize(ref reader, type())!);
            else reader.Skip();
        }
        return items;
    }
}

internal sealed class LenientRuns() : LenientList<RunWire>(() => WireContext.Default.RunWire);

internal sealed class LenientDeployments() : LenientList<DeploymentWire>(() => WireContext.Default.DeploymentWire);

internal sealed class LenientWorkflows() : LenientList<WorkflowWire>(() => WireContext.Default.WorkflowWire);

internal sealed class LenientNames() : LenientList<NamedWire>(() => WireContext.Default.NamedWire);

internal sealed class LenientLogLines() : LenientList<LogLineWire>(() => WireContext.Default.LogLineWire);

internal sealed class LenientInputs() : LenientList<InputWire>(() => WireContext.Default.InputWire);
