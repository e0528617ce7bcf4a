using System.Text.Json;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>A graph from a file, in the form of the ComfyUI API.</summary>
/// <param name="FileName">The name of the file.</param>
/// <param name="Json">The graph, compact.</param>
/// <param name="Inputs">The inputs that it takes.</param>
internal sealed record ApiGraph(string FileName, string Json, IReadOnlyList<ComfyDeploymentInput> Inputs)
{
    /// <exception cref="ComfyDeployException">FileNotFound; InvalidInput: the file is not such a graph.</exception>
    internal static ApiGraph Read(string path)
    {
        if (!File.Exists(path)) throw Directory.Exists(path) ? Errors.FileIsFolder(path) : Errors.FileNotFound(path);
        try
        {
            using JsonDocument document = JsonDocument.Parse(ValidJson.Of(File.ReadAllText(path)));
            JsonElement graph = document.RootElement;
            if (WorkflowGraph.IsOfEditor(graph))
            {
                throw new ComfyDeployException(ErrorIds.InvalidInput,
                    $"'{path}' is a workflow in the format of the ComfyUI editor, which cannot be run. In ComfyUI, export it with " +
                    "Workflow > Export (API), and specify that file.");
            }
            if (WorkflowGraph.InputsOf(graph) is { } inputs) return new(Path.GetFileName(path), JsonText.Build(graph.WriteTo), inputs);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ComfyDeployException(ErrorIds.InvalidInput, $"The graph in '{path}' cannot be read: {e.Message}", e);
        }
        throw new ComfyDeployException(ErrorIds.InvalidInput,
            $"'{path}' is not a graph in the API format of ComfyUI: a JSON object of nodes, each with a class_type. In ComfyUI, export " +
            "the workflow with Workflow > Export (API).");
    }
}
