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
        using Manifest manifest = Manifest.Read(path, connection);
        foreach (ManifestRow row in manifest.Rows)
        {
            ComfyRun run = row.ToRun(connection);
            run.Entry = new(path, row.Key);
            yield return new(run.RunId ?? string.Empty, PSObject.AsPSObject(run));
        }
    }
}
