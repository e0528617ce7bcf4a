namespace ComfyDeploy;

/// <summary>A file that was uploaded, as an input for runs.</summary>
public sealed class ComfyFile : IConnected
{
    internal ComfyFile() { }

    /// <summary>The name of the file on this machine.</summary>
    public string FileName { get; internal init; } = string.Empty;

    /// <summary><c>image video audio zip file</c>, by the service.</summary>
    public string Kind { get; internal init; } = string.Empty;

    /// <summary>Bytes.</summary>
    public long Length { get; internal init; }

    /// <summary>The service's ID. Server: <c>file_id</c>.</summary>
    public string? FileId { get; internal init; }

    /// <summary>Link to the file, the value for an input; may be signed. Server: <c>file_url</c>.</summary>
    public Uri Url { get; internal init; } = null!;

    /// <summary>When the link stops working, local time; null when it does not.</summary>
    public DateTime? ExpiresAt { get; internal init; }

    /// <summary>The full path of the file on this machine.</summary>
    public string Path { get; internal init; } = string.Empty;

    /// <summary>The connection it was uploaded with.</summary>
    public string? ConnectionName => Connection?.Name;

    internal ComfyConnection? Connection { get; init; }

    ComfyConnection? IConnected.Connection => Connection;

    /// <summary>The kind that the service's ID begins with.</summary>
    internal static string KindOf(string? fileId) => fileId?.Split('_')[0] switch
    {
        "img" => "image",
        "vid" => "video",
        "audio" => "audio",
        "zip" => "zip",
        _ => "file",
    };

    /// <summary>The link, so that the object can be the value of an input.</summary>
    public override string ToString() => Url.OriginalString;
}
