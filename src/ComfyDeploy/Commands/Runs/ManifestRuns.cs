using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>The runs of a batch, as its manifest has them.</summary>
internal static class ManifestRuns
{
    /// <summary>A run for each row, in the order of the batch.</summary>
    /// <exception cref="ComfyDeployException">FileNotFound, ManifestInvalid, ManifestMismatch.</exception>
    internal static IEnumerable<ComfyReference> Read(string path, ComfyConnection connection)
    {
        ManifestState manifest = ManifestFile.Read(path, connection, out ManifestText text);
        using ManifestText open = text;
        foreach (ManifestRow row in manifest.Rows)
        {
            ComfyRun run = text.ToRun(row, connection);
            yield return new(run.RunId ?? string.Empty, PSObject.AsPSObject(run));
        }
    }
}
