using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Emulator.Http;

/// <summary>How a response is delivered.</summary>
internal enum Delivery
{
    /// <summary>Complete, and the connection stays open.</summary>
    Complete,

    /// <summary>Complete, then the connection is closed gracefully.</summary>
    Close,

    /// <summary>Headers and half of the body, then the end of the stream.</summary>
    Cut,

    /// <summary>No byte; the connection is reset.</summary>
    Reset,

    /// <summary>No byte; the connection stays open until the client gives up.</summary>
    Never,
}

/// <summary>A response and the way it is delivered.</summary>
internal sealed class HttpResponse
{
    // The service escapes only what JSON requires.
    private static readonly JsonSerializerOptions MinimalEscaping = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public required int Status { get; init; }

    public byte[] Body { get; set; } = [];

    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    public Delivery Delivery { get; set; }

    /// <summary>Real time that passes before the first byte.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>The speed of the body; 0 means unlimited.</summary>
    public int BytesPerSecond { get; set; }

    /// <summary>The bytes by which Content-Length exceeds the actual length.</summary>
    public int LengthError { get; set; }

    /// <summary>Sends what it returns as it happens, in place of <see cref="Body"/>.</summary>
    public EventSource? Events { get; private init; }

    public static HttpResponse EventStream(EventSource events)
    {
        HttpResponse response = new() { Status = 200, Events = events };
        response.Headers["content-type"] = "text/event-stream; charset=utf-8";
        response.Headers["cache-control"] = "no-cache";
        response.Headers["x-accel-buffering"] = "no";
        return response;
    }

    public static HttpResponse Json(int status, JsonNode? body) =>
        Text(status, body?.ToJsonString(MinimalEscaping) ?? "null", "application/json");

    public static HttpResponse Text(int status, string body, string contentType) =>
        Bytes(status, Encoding.UTF8.GetBytes(body), contentType);

    public static HttpResponse Bytes(int status, byte[] body, string contentType)
    {
        HttpResponse response = new() { Status = status, Body = body };
        response.Headers["content-type"] = contentType;
        return response;
    }
}

/// <summary>A body that goes on.</summary>
/// <param name="Read">What has happened since the last call, possibly nothing; null at the end.</param>
/// <param name="NextDue">When something will happen, by the service's clock; null when that is not known.</param>
internal sealed record EventSource(Func<string?> Read, Func<DateTime?> NextDue);
