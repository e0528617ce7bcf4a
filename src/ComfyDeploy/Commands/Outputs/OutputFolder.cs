namespace ComfyDeploy.Commands;

/// <summary>The folder outputs go to: gives each a path of its own inside it.</summary>
internal sealed class OutputFolder(string root, ExistingFile existing)
{
    private static readonly char Separator = Path.DirectorySeparatorChar;

    private static readonly StringComparison PathComparison =
        Separator == '\\' ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    private readonly string _root = Path.GetFullPath(root);

    // Two names that differ in case are one file on many systems.
    private readonly Dictionary<string, (string? RunId, int Index)> _taken = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The full path for a name, changed when an earlier output has it.</summary>
    /// <param name="name">A path below the folder, of sane segments.</param>
    /// <param name="isThere">Whether a file of that path was there before.</param>
    internal string Reserve(string name, out bool isThere)
    {
        string path = Path.Combine(_root, name);
        string stem = Path.Combine(Path.GetDirectoryName(path)!, Path.GetFileNameWithoutExtension(path));
        for (int number = 2; IsTaken(path); number++) path = $"{stem} ({number}){Path.GetExtension(name)}";
        _taken.Add(path, default);
        isThere = File.Exists(path);
        return path;
    }

    /// <summary>Whether a full path is below the folder.</summary>
    internal bool Contains(string path) => path.StartsWith(_root.TrimEnd(Separator) + Separator, PathComparison);

    /// <summary>Takes a path to download to; false when an earlier output has it.</summary>
    internal bool TryTake(string path)
    {
        if (_taken.ContainsKey(path)) return false;
        _taken.Add(path, default);
        return true;
    }

    /// <summary>Takes the path of a file that an output has already, also when it is given again; false when another has it.</summary>
    internal bool TryTakeFor(ComfyRunOutput output, string path)
    {
        if (TryTake(path)) _taken[path] = (output.RunId, output.Index);
        return _taken[path] == (output.RunId, output.Index);
    }

    /// <exception cref="ComfyDeployException">DownloadFailed: the folder cannot be made.</exception>
    internal static void Create(string target)
    {
        string folder = Path.GetDirectoryName(target)!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ComfyDeployException(ErrorIds.DownloadFailed, $"The folder '{folder}' cannot be created: {e.Message}", e);
        }
    }

    private bool IsTaken(string path) =>
        _taken.ContainsKey(path) || (existing == ExistingFile.Rename && (File.Exists(path) || Directory.Exists(path)));
}
