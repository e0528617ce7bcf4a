namespace ComfyDeploy.Tests.House;

/// <summary>The C# files of the module, as text.</summary>
internal static class Source
{
    private static readonly string Root = Path.Combine(BuiltModule.RepositoryRoot, "src", "ComfyDeploy");

    /// <summary>The files of a folder and below, named relative to src/ComfyDeploy; without generated files.</summary>
    internal static IReadOnlyList<SourceFile> Files(string folder = "") =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Select(path => (Path: path, Name: Path.GetRelativePath(Root, path).Replace('\\', '/')))
            .Where(file => !file.Name.StartsWith("bin/", StringComparison.Ordinal) && !file.Name.StartsWith("obj/", StringComparison.Ordinal))
            .OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => new SourceFile(file.Name, File.ReadAllLines(file.Path))),
    ];
}

internal sealed record SourceFile(string Name, IReadOnlyList<string> Lines)
{
    internal bool IsCmdlet => Name.EndsWith("Command.cs", StringComparison.Ordinal)
        && Lines.Any(line => line.TrimStart().StartsWith("[Cmdlet(", StringComparison.Ordinal));

    public override string ToString() => $"{Name}: {Lines.Count} lines";
}
