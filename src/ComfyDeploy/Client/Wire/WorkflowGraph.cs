using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>A graph in the form of the ComfyUI API: an object with a node, <c>{class_type, inputs}</c>, for each ID.</summary>
internal static class WorkflowGraph
{
    private const string InputPrefix = "ComfyUIDeployExternal";

    /// <summary>Whether it is a graph that can be run.</summary>
    internal static bool IsValid(JsonElement graph) => graph.ValueKind == JsonValueKind.Object
        && graph.EnumerateObject().Any() && graph.EnumerateObject().All(node => ClassOf(node.Value) is not null);

    /// <summary>The form in which the editor saves: it has positions and no names of inputs, and cannot be run.</summary>
    internal static bool IsOfEditor(JsonElement graph) => Member(graph, "nodes") is { ValueKind: JsonValueKind.Array }
        && Member(graph, "links") is { ValueKind: JsonValueKind.Array };

    /// <summary>The inputs that a run of the graph takes, in the order of its nodes: an external node defines one.</summary>
    /// <returns>Null for what is no graph.</returns>
    internal static IReadOnlyList<ComfyDeploymentInput>? InputsOf(JsonElement? graph)
    {
        if (graph is not { } nodes || !IsValid(nodes)) return null;
        return
        [
            .. nodes.EnumerateObject().Select(node => InputOf(node.Value)).OfType<InputWire>().GroupBy(input => input.InputId)
                .Select(same => same.First().ToInput(deploymentName: null)),
        ];
    }

    private static InputWire? InputOf(JsonElement node)
    {
        string nodeClass = ClassOf(node)!;
        if (!nodeClass.StartsWith(InputPrefix, StringComparison.Ordinal)) return null;
        // A name that is a link to another node is known only when the graph runs.
        if (Member(node, "inputs") is not { } values || Member(values, "input_id") is not { ValueKind: JsonValueKind.String }) return null;
        InputWire input = values.Deserialize(WireContext.Default.InputWire)!;
        if (string.IsNullOrEmpty(input.InputId)) return null;
        input.ClassType = nodeClass;
        input.EnumOptions = Options(Member(values, "options"));
        return input;
    }

    /// <summary>The node has them as the text of a JSON array.</summary>
    private static JsonElement? Options(JsonElement? options)
    {
        if (options is not { ValueKind: JsonValueKind.String } text) return options;
        try
        {
            return JsonSerializer.Deserialize(text.GetString()!, WireContext.Default.JsonElement);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? ClassOf(JsonElement node) =>
        Member(node, "class_type") is { ValueKind: JsonValueKind.String } name ? name.GetString() : null;

    private static JsonElement? Member(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) ? value : null;
}
