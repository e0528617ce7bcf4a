namespace ComfyDeploy.Emulator;

/// <summary>A request the emulator received. It never contains a key, not even a rejected one.</summary>
public sealed class EmulatorRequest
{
    /// <summary>Its number in the order of arrival, from 1.</summary>
    public int Number { get; internal set; }

    /// <summary>GET, POST…</summary>
    public string Method { get; internal set; } = "";

    /// <summary>The path without the query, <c>/api</c> included.</summary>
    public string Path { get; internal set; } = "";

    /// <summary>The query without its question mark; keys and signatures in it are masked.</summary>
    public string Query { get; internal set; } = "";

    /// <summary>The body as text, at most its first million characters.</summary>
    public string Body { get; internal set; } = "";

    /// <summary>The status of the response; null when no complete response was sent yet.</summary>
    public int? Status { get; internal set; }

    /// <summary>Whether it had a key this emulator accepts.</summary>
    public bool Authorized { get; internal set; }

    /// <summary>Whether it had an Authorization header of any kind. Requests to the storage host must not.</summary>
    public bool HasAuthorization { get; internal set; }

    /// <summary>Whether it went to the storage host, not to the API.</summary>
    public bool IsStorage { get; internal set; }

    /// <summary>When it arrived, by the emulator's clock, UTC.</summary>
    public DateTime ReceivedAt { get; internal set; }

    /// <summary>Method, path and status.</summary>
    public override string ToString() => $"{Method} {Path} {Status?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-"}";
}
