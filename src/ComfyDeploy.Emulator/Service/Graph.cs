using System.Globalization;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Service;

/// <summary>Makes a plausible ComfyUI graph for a workflow whose seed gives none: a sampler chain and one external node per input.</summary>
internal static class Graph
{
    public static JsonObject Api(SeedWorkflow workflow)
    {
        JsonObject graph = new()
        {
            ["3"] = Node("KSampler", "KSampler", new JsonObject { ["cfg"] = 8, ["model"] = Link("4"), ["positive"] = Link("6"), ["latent_image"] = Link("5") }),
            ["4"] = Node("CheckpointLoaderSimple", "Load Checkpoint", new JsonObject { ["ckpt_name"] = "sd_xl_base_1.0.safetensors" }),
            ["5"] = Node("EmptyLatentImage", "Empty Latent Image", new JsonObject { ["width"] = 512, ["height"] = 512, ["batch_size"] = 1 }),
            ["6"] = Node("CLIPTextEncode", "CLIP Text Encode (Prompt)", new JsonObject { ["clip"] = Link("4"), ["text"] = Link("20") }),
            ["8"] = Node("VAEDecode", "VAE Decode", new JsonObject { ["vae"] = Link("4"), ["samples"] = Link("3") }),
        };
        int id = 9;
        foreach (string output in workflow.Outputs)
        {
            JsonObject inputs = new() { ["images"] = Link("8"), ["output_id"] = output, ["filename_prefix"] = "ComfyUI" };
            graph[Number(id++)] = Node("ComfyDeployStdOutputImage", "Standard Image Output (ComfyDeploy)", inputs);
        }

        id = 20;
        foreach (SeedInput input in workflow.Inputs)
        {
            JsonObject inputs = new() { ["input_id"] = input.Id, ["display_name"] = input.DisplayName, ["description"] = input.Description };
            if (input.Default is { } value) inputs["default_value"] = JsonNode.Parse(value.GetRawText());
            if (input.Min is double min) inputs["min_value"] = min;
            if (input.Max is double max) inputs["max_value"] = max;
            graph[Number(id++)] = Node(input.ClassType, input.DisplayName, inputs);
        }

        return graph;
    }

    public static JsonObject Editor(JsonObject api)
    {
        JsonArray nodes = [];
        foreach (KeyValuePair<string, JsonNode?> node in api)
        {
            nodes.Add((JsonNode)new JsonObject
            {
                ["id"] = int.TryParse(node.Key, out int id) ? id : 0,
                ["pos"] = new JsonArray(nodes.Count * 100, 100),
                ["mode"] = 0,
                ["size"] = new JsonArray(210, 58),
                ["type"] = ClassOf(node.Value),
                ["flags"] = new JsonObject(),
                ["order"] = nodes.Count,
                ["inputs"] = new JsonArray(),
                ["outputs"] = new JsonArray(),
                ["properties"] = new JsonObject(),
                ["widgets_values"] = new JsonArray(),
            });
        }

        return new JsonObject
        {
            ["extra"] = new JsonObject(),
            ["links"] = new JsonArray(),
            ["nodes"] = nodes,
            ["config"] = new JsonObject(),
            ["groups"] = new JsonArray(),
            ["version"] = 0.4,
            ["last_link_id"] = 9,
            ["last_node_id"] = nodes.Count,
        };
    }

    /// <summary>The classes of the nodes, in their order.</summary>
    public static IReadOnlyList<string> Classes(JsonObject api)
    {
        List<string> classes = api.Select(node => ClassOf(node.Value)).ToList();
        return classes.Count > 0 ? classes : ["KSampler"];
    }

    private static string ClassOf(JsonNode? node) =>
        node is JsonObject { } members && members["class_type"] is JsonValue name && name.TryGetValue(out string? text) ? text : "Unknown";

    private static JsonObject Node(string type, string title, JsonObject inputs) => new()
    {
        ["_meta"] = new JsonObject { ["title"] = title },
        ["inputs"] = inputs,
        ["class_type"] = type,
    };

    private static JsonArray Link(string node) => [node, 0];

    private static string Number(int id) => id.ToString(CultureInfo.InvariantCulture);
}
