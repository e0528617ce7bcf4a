using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>The saved files of a run that its manifest knows, and where to record others.</summary>
/// <param name="files">The files, by the index of their outputs.</param>
/// <param name="row">The row of the run; null when nothing can be recorded.</param>
internal sealed class RecordedFiles(IReadOnlyDictionary<int, SavedFile> files, JournaledRow? row)
{
    /// <summary>Where an output was saved; null if it is not recorded.</summary>
    internal string? PathOf(ComfyRunOutput output) => files.TryGetValue(output.Index, out SavedFile? file) ? file.Path : null;

    /// <summary>Whether the file of an output is still there with its length.</summary>
    internal bool IsComplete(ComfyRunOutput output) => LengthNow(output) is { } length && length == files[output.Index].Length;

    /// <summary>Whether an output was saved and its file is gone. A file of another length is not ours: it never had a part.</summary>
    internal bool IsLost(ComfyRunOutput output) => files.ContainsKey(output.Index) && LengthNow(output) is null;

    /// <summary>The outputs that were saved, as far as the manifest knows them.</summary>
    internal ComfyRunOutput[] OutputsOf(ComfyRun run) => [.. files.Values.OrderBy(file => file.Index).Select(file =>
        new ComfyRunOutput { Run = run, Index = file.Index, Kind = file.Kind, FileName = Path.GetFileName(file.Path) })];

    /// <summary>Records a file that is complete, before it gets its name.</summary>
    internal void Add(ComfyRunOutput output, string path, long length) =>
        row?.Saved(new(output.RunId!, output.Index, output.Kind, path, length));

    private long? LengthNow(ComfyRunOutput output) =>
        PathOf(output) is { } path && new FileInfo(path) is { Exists: true } file ? file.Length : null;
}
