namespace ComfyDeploy.Commands;

/// <summary>What to do with an output whose file is there already.</summary>
public enum ExistingFile
{
    /// <summary>Keep the file and emit it.</summary>
    Skip,

    /// <summary>Download again in its place.</summary>
    Overwrite,

    /// <summary>Save under the next free name.</summary>
    Rename,

    /// <summary>Report FileExists.</summary>
    Error,
}
