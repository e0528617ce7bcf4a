using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// The manifests in which a cmdlet records what becomes of runs. One that cannot be opened costs a warning: the runs matter more than their
/// record.
/// </summary>
internal sealed class OpenManifests(ICallLog log) : IDisposable
{
    private readonly Dictionary<string, Manifest?> _manifests = [];

    /// <summary>The manifest of a run; null without one, or when it cannot be opened. Called on any thread.</summary>
    internal Manifest? Find(ManifestEntry? entry, ComfyConnection connection)
    {
        if (entry is null) return null;
        lock (_manifests)
        {
            if (!_manifests.TryGetValue(entry.Path, out Manifest? manifest)) _manifests.Add(entry.Path, manifest = Open(entry.Path, connection));
            return manifest;
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

    private Manifest? Open(string path, ComfyConnection connection)
    {
        try
        {
            return Manifest.Open(path, connection, log);
        }
        catch (ComfyDeployException e)
        {
            log.Warning($"What becomes of these runs is not recorded in {path}: {e.Message}");
            return null;
        }
    }
}
