using System.Management.Automation;

namespace ComfyDeploy;

/// <summary>One output of a run: a file with a link, or a text.</summary>
public sealed class ComfyRunOutput : IConnected
{
    internal ComfyRunOutput() { }

    /// <summary>The run's UUID.</summary>
    public string? RunId => Run?.RunId;

    /// <summary>Position among the run's outputs, from 0.</summary>
    public int Index { get; internal set; }

    /// <summary><c>image video file audio mesh text</c>, or another key of the service.</summary>
    public string Kind { get; internal init; } = string.Empty;

    /// <summary>The node that produced it. Server: <c>node_meta.node_id</c>.</summary>
    public string? NodeId { get; internal set; }

    /// <summary>That node's class. Server: <c>node_meta.node_class</c>.</summary>
    public string? NodeClass { get; internal set; }

    /// <summary>The file name, or the beginning of the text. Hidden, because a CSV file has both in columns of their own.</summary>
    [Hidden]
    public string? Detail => DetailOf(FileName, Text);

    /// <summary>File name as the service returns it; not safe to use as a path. Server: <c>filename</c>.</summary>
    public string? FileName { get; internal init; }

    /// <summary>The full text of a text output.</summary>
    public string? Text { get; internal init; }

    /// <summary>Link to the file; a signed one expires after an hour. Server: <c>url</c>.</summary>
    public Uri? Url { get; internal init; }

    /// <summary>The output node's name in the workflow. Server: <c>output_id</c>.</summary>
    public string? OutputId { get; internal set; }

    /// <summary>When it was stored, local time. Server: <c>created_at</c>.</summary>
    public DateTime? CreatedAt { get; internal set; }

    /// <summary>The run it came from. Scripts read it through the types file, which keeps the circular reference out of JSON.</summary>
    internal ComfyRun? Run { get; set; }

    ComfyConnection? IConnected.Connection => Run?.Connection;

    internal static string? DetailOf(string? fileName, string? text) =>
        fileName ?? (text is { Length: > 60 } ? text.Substring(0, 60) : text);

    /// <summary>Whether it is of one of these kinds; true when kinds is null.</summary>
    internal bool IsOfKind(string[]? kinds) => kinds is null || kinds.Contains(Kind, StringComparer.OrdinalIgnoreCase);

    /// <summary>The file name or the text.</summary>
    public override string ToString() => FileName ?? Text ?? string.Empty;
}
