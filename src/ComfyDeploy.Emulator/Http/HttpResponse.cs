using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Emulator.Http;

/// <summary>How an answer leaves the house.</summary>
internal enum Delivery
{
    /// <summary>Whole, and the connection stays open.</summary>
    Whole,

    /// <summary>Whole, then the connection is closed in good order.</summary>
    Close,

    /// <summary>Headers and half of the body, then the end of the stream.</summary>
    Cut,

    /// <summary>No byte; the connection is reset.</summary>
    Reset,

    /// <summary>No byte; the connection stays open until the client gives up.</summary>
    Never,
}

/// <summary>An answer and the way it is delivered.</summary>
internal sealed class HttpResponse
{
    // The service writes text as it is; only what JSON itself demands is escaped.
    private static readonly JsonSerializerOptions AsTheServiceWrites = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public required int Status { get; init; }

    public byte[] Body { get; set; } = [];

    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    public Delivery Delivery { get; set; }

    /// <summary>Real time that passes before the first byte.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>The speed of the body; 0 is as fast as it goes.</summary>
    public int BytesPerSecond { get; set; }

    /// <summary>What Content-Length says beyond the truth.</summary>
    public int LengthError { get; set; }

    public static HttpResponse Json(int status, JsonNode? body) =>
        Text(status, body?.ToJsonString(AsTheServiceWrites) ?? "null", "application/json");

    public static HttpResponse Text(int status, string body, string contentType) =>
        Bytes(status, Encoding.UTF8.GetBytes(body), contentType);

    public static HttpResponse Bytes(int status, byte[] body, string contentType)
    {
        HttpResponse response = new() { Status = status, Body = body };
        response.Headers["content-type"] = contentType;
        return response;
    }
}
