namespace ComfyDeploy.Client;

/// <summary>A file of an output, as a manifest records it.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Index">The place of the output among those of the run.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Path">The full path.</param>
/// <param name="Length">The length in bytes.</param>
internal sealed record SavedFile(string RunId, int Index, string? Kind, string Path, long Length);
