using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>What the manifests of the runs tell of files that were saved before. Only files below the folder count.</summary>
internal sealed class SaveRecords(ConnectedCommand cmdlet, OutputFolder folder) : IDisposable
{
    private readonly OpenManifests _manifests = new(cmdlet.Log);
    private readonly Dictionary<string, (ManifestState State, ManifestText Text)?> _read = [];

    public void Dispose()
    {
        _manifests.Dispose();
        foreach ((ManifestState, ManifestText Text)? manifest in _read.Values) manifest?.Text.Dispose();
    }

    internal RecordedFiles Of(ComfyRun run, ApiSession session)
    {
        Dictionary<int, SavedFile> files = [];
        if (run.Entry is not { } entry) return new(files, null);
        JournaledRow? row = cmdlet.IsWhatIf ? null : _manifests.Find(entry, session);
        try
        {
            // The last one of an output is where it is now.
            foreach (SavedFile file in ReadSaved(entry, row, run.RunId!, session).Where(file => folder.Contains(file.Path)))
                files[file.Index] = file;
        }
        catch (ComfyDeployException e)
        {
            cmdlet.Log.Verbose($"What was saved of run {RunName.Of(run)} cannot be read in {entry.Path}: {e.Message}");
        }
        return new(files, row);
    }

    /// <summary>A run that its manifest gave back, with its files, if all of them are still there; null if it must be read.</summary>
    internal ComfyRun? Rebuild(ComfyRun given, ApiSession session, Func<ComfyRunOutput, bool> isWanted)
    {
        if (given is not { IsRecorded: true, IsFinished: true, OutputCount: { } count }) return null;
        RecordedFiles recorded = Of(given, session);
        ComfyRun run = given.Copy();
        ComfyRunOutput[] outputs = recorded.OutputsOf(run);
        // They are taken at once, because without a request there is no link for another file.
        if (outputs.Length < count || !outputs.Where(isWanted).All(IsOwn)) return null;
        run.Outputs = new(outputs);
        return run;

        bool IsOwn(ComfyRunOutput output) => recorded.IsComplete(output) && folder.TryTakeFor(output, recorded.PathOf(output)!);
    }

    private IReadOnlyList<SavedFile> ReadSaved(ManifestEntry entry, JournaledRow? row, string runId, ApiSession session)
    {
        RowKey key = RowKey.Parse(entry.Key);
        (ManifestRow? found, ManifestText? text) = row is not null ? (row.Manifest.Find(key), row.Manifest.Text)
            : Read(entry.Path, session) is { } manifest ? (manifest.State.Find(key), manifest.Text)
            : (null, null);
        // The row may have another run by now.
        return found is not null && string.Equals(found.RunId, runId, StringComparison.OrdinalIgnoreCase) ? text!.ReadSaved(found) : [];
    }

    /// <summary>The manifest without the right to write to it: another process may have it, or nothing is to be written.</summary>
    private (ManifestState State, ManifestText Text)? Read(string path, ApiSession session)
    {
        if (_read.TryGetValue(path, out (ManifestState, ManifestText)? manifest)) return manifest;
        // A manifest that cannot be read either has had its warning.
        _read.Add(path, null);
        ManifestState state = ManifestFile.Read(path, session.Connection, out ManifestText text);
        return _read[path] = (state, text);
    }
}
