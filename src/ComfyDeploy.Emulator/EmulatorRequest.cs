namespace ComfyDeploy.Emulator;

/// <summary>A request the emulator received. It holds no key, not even a refused one.</summary>
public sealed class EmulatorRequest
{
    /// <summary>Its place in the order of arrival, from 1.</summary>
    public int Number { get; internal set; }

    /// <summary>GET, POST…</summary>
    public string Method { get; internal set; } = "";

    /// <summary>The path without the query, <c>/api</c> included.</summary>
    public string Path { get; internal set; } = "";

    /// <summary>The query without its question mark; keys and signatures in it are masked.</summary>
    public string Query { get; internal set; } = "";

    /// <summary>The body as text, at most its first million characters.</summary>
    public string Body { get; internal set; } = "";

    /// <summary>The status of the answer; null when none was sent whole, or none yet.</summary>
    public int? Status { get; internal set; }

    /// <summary>It carried a key this emulator takes.</summary>
    public bool Authorized { get; internal set; }

    /// <summary>It carried an Authorization header of any kind. To the storage host none should.</summary>
    public bool HasAuthorization { get; internal set; }

    /// <summary>It went to the storage host, not to the API.</summary>
    public bool IsStorage { get; internal set; }

    /// <summary>When it arrived, by the emulator's clock, UTC.</summary>
    public DateTime ReceivedAt { get; internal set; }

    /// <summary>Method, path and status.</summary>
    public override string ToString() => $"{Method} {Path} {Status?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-"}";
}
