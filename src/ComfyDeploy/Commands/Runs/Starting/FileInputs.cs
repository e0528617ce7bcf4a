using System.Text.RegularExpressions;

namespace ComfyDeploy.Commands;

/// <summary>Inputs that take a file. The service types them as text; the class of their node tells what they are.</summary>
internal static class FileInputs
{
    // Classes that are not known here are left alone: a value that the service accepts is never refused.
    private static readonly HashSet<string> Classes =
    [
        "ComfyUIDeployExternalImage", "ComfyUIDeployExternalImageAlpha", "ComfyUIDeployExternalVideo", "ComfyUIDeployExternalAudio",
        "ComfyUIDeployExternalFile", "ComfyUIDeployExternalEXR", "ComfyUIDeployExternalFaceModel",
    ];

    private static readonly Regex Link = new("^[a-z][a-z0-9+.-]+:", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
    private static readonly Regex LocalPath = new(@"^[a-z]:|[\\/]|\.[a-z0-9]{1,5}$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
    private const int MaxPath = 1024;

    /// <summary>Refuses a local path: the service would start the GPU, bill the run, and fail.</summary>
    /// <exception cref="ComfyDeployException">InvalidInput.</exception>
    internal static void Check(ComfyDeploymentInput definition, string text)
    {
        if (definition.NodeClass is not { } name || !Classes.Contains(name)) return;
        if (text.Length > MaxPath || Link.IsMatch(text) || !LocalPath.IsMatch(text)) return;
        throw new ComfyDeployException(ErrorIds.InvalidInput,
            $"Input '{definition.Name}' takes the link of a file (https://…), not the path '{text}'. Upload the file and give its link.");
    }
}
