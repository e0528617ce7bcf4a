using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// The manifests in which a cmdlet records what becomes of runs. One that cannot be opened costs a warning: the runs matter more than their
/// record.
/// </summary>
internal sealed class OpenManifests(ICallLog log) : IDisposable
{
    private readonly Dictionary<string, Manifest?> _manifests = [];

    /// <summary>The row of a run; null without one, or when its manifest cannot be opened. Called on any thread.</summary>
    internal JournaledRow? Find(ManifestEntry? entry, ApiSession session)
    {
        if (entry is null) return null;
        lock (_manifests)
        {
            if (!_manifests.TryGetValue(entry.Path, out Manifest? manifest))
                _manifests.Add(entry.Path, manifest = Open(entry.Path, session));
            return manifest is null ? null : new(manifest, RowKey.Parse(entry.Key), log);
        }
    }

    public void Dispose()
    {
        lock (_manifests)
        {
            foreach (Manifest? manifest in _manifests.Values) manifest?.Dispose();
            _manifests.Clear();
        }
    }

    private Manifest? Open(string path, ApiSession session)
    {
        try
        {
            return Manifest.Open(path, session.Connection, session.Clock);
        }
        catch (ComfyDeployException e)
        {
            log.Warning($"What becomes of these runs is not recorded in {path}: {e.Message}");
            return null;
        }
    }
}
