using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>
/// Inputs that take a file, known by the node behind them, since the service calls their type a string. The node fetches a link, and reads
/// a <c>data:</c> text; any other text fails the run after it is billed.
/// </summary>
internal static class FileInputs
{
    /// <summary>Whether an input takes a file; one of a node that is not known here does not.</summary>
    internal static bool IsFileInput(ComfyDeploymentInput definition) => definition.InputKind.Form == InputForm.File;

    /// <summary>Refuses a file, and a text that cannot be fetched, such as a path on this machine.</summary>
    /// <exception cref="ComfyDeployException">InvalidInput.</exception>
    internal static void Check(IReadOnlyDictionary<string, object?> values, IReadOnlyList<ComfyDeploymentInput> definitions)
    {
        foreach (KeyValuePair<string, object?> value in values)
        {
            FileInfo? file = (value.Value as object?[] ?? [value.Value]).OfType<FileInfo>().FirstOrDefault();
            if (file is null) continue;
            throw new ComfyDeployException(ErrorIds.InvalidInput,
                $"Input '{value.Key}' takes the link of a file (https://… or data:…), not the file '{SafeText.Clean(file.Name, 100)}'.");
        }
        foreach (ComfyDeploymentInput definition in definitions.Where(IsFileInput))
        {
            string? path = Texts(values.FirstOrDefault(value => IsNamed(value.Key, definition)).Value).FirstOrDefault(IsNoLink);
            if (path is null) continue;
            throw new ComfyDeployException(ErrorIds.InvalidInput,
                $"Input '{definition.Name}' takes the link of a file (https://… or data:…), not '{SafeText.Clean(path, 100)}'.");
        }
    }

    private static bool IsNamed(string name, ComfyDeploymentInput definition) =>
        string.Equals(name, definition.Name, StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<string> Texts(object? value) => value switch
    {
        // A batch may come as a JSON list.
        string text => text.TrimStart() is "" or ['[', ..] ? [] : [text],
        object?[] several => several.SelectMany(Texts),
        _ => [],
    };

    private static bool IsNoLink(string text) =>
        !text.StartsWith("data:", StringComparison.OrdinalIgnoreCase)
        && !(Uri.TryCreate(text.Trim(), UriKind.Absolute, out Uri? link) && link.Scheme is "http" or "https");
}
