namespace ComfyDeploy.Commands;

/// <summary>Checks the names of inputs before a run is queued.</summary>
internal static class InputNames
{
    /// <summary>Refuses names that what runs does not define: the service would silently ignore them, and bill the run.</summary>
    /// <exception cref="ComfyDeployException">UnknownInput, with the nearest names and the fix.</exception>
    internal static void Check(
        IEnumerable<string> names, IReadOnlyList<ComfyDeploymentInput> definitions, string targetName, bool areRows)
    {
        string[] unknown = Unknown(names, definitions);
        if (unknown.Length == 0) return;
        string columns = string.Join(", ", definitions.Select(d => CommandLine.Quote(d.Name)));
        string fix = areRows
            ? $"Select only its inputs (| Select-Object {columns} |), use the " +
                $"column as a label (-LabelColumn {CommandLine.Quote(unknown[0])}), or specify -SkipInputCheck."
            : "Correct the name, or specify -SkipInputCheck.";
        throw Unknown($"{targetName} has no input '{string.Join("', '", unknown)}'", unknown, definitions, fix);
    }

    /// <summary>Refuses what an earlier run had and the deployment does not define any more.</summary>
    /// <exception cref="ComfyDeployException">UnknownInput, with the nearest names and the fix.</exception>
    internal static void CheckInherited(
        IEnumerable<string> names, IReadOnlyList<ComfyDeploymentInput> definitions, string targetName)
    {
        string[] unknown = Unknown(names, definitions);
        if (unknown.Length == 0) return;
        throw Unknown(
            $"The run had the input '{string.Join("', '", unknown)}', which {targetName} does not have now", unknown, definitions,
            $"Leave it out (-InputOverride @{{ '{unknown[0].Replace("'", "''")}' = $null }}), or specify -SkipInputCheck.");
    }

    private static string[] Unknown(IEnumerable<string> names, IReadOnlyList<ComfyDeploymentInput> definitions) =>
        [.. names.Where(name => InputSet.Definition(definitions, name) is null)];

    private static ComfyDeployException Unknown(
        string problem, string[] unknown, IReadOnlyList<ComfyDeploymentInput> definitions, string fix)
    {
        string[] near = [.. unknown.SelectMany(name => NearestNames.Of(name, definitions.Select(d => d.Name))).Distinct()];
        string hint = near.Length > 0 ? $" Nearest: {string.Join(", ", near)}." : string.Empty;
        string names = string.Join(", ", definitions.Select(d => d.Name));
        return new(ErrorIds.UnknownInput,
            $"{problem}; the service would ignore it and bill the run.{hint} Its inputs: {names}. {fix}");
    }
}
