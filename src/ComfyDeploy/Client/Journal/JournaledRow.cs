namespace ComfyDeploy.Client;

/// <summary>A row of an open manifest: what becomes of its run is recorded there.</summary>
/// <param name="Manifest">The manifest.</param>
/// <param name="Key">The row.</param>
/// <param name="Log">Receives a warning when it cannot be recorded.</param>
internal sealed record JournaledRow(Manifest Manifest, RowKey Key, ICallLog Log)
{
    internal void Queued(string runId) => Manifest.Queued(Key, runId, Log);

    internal void Refused(string error) => Manifest.Refused(Key, error, Log);

    internal void Stopping(string runId) => Manifest.Stopping(Key, runId, Log);

    internal void Ended(ComfyRun run) => Manifest.Ended(Key, run, Log);

    internal void Saved(SavedFile file) => Manifest.Saved(Key, file, Log);
}
