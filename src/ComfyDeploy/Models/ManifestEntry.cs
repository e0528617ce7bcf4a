namespace ComfyDeploy;

/// <summary>The row of a manifest that a run belongs to.</summary>
/// <param name="Path">The full path of the manifest.</param>
/// <param name="Key">The row's key.</param>
internal sealed record ManifestEntry(string Path, string Key);
