using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>What a fault makes of a request: an answer of its own, or the service's answer spoilt.</summary>
internal static class FaultyAnswer
{
    private const string Page = "<html><head><title>Gateway</title></head><body><h1>Not today</h1></body></html>";

    internal static HttpRequestException Reset() => new(
        "An error occurred while sending the request.",
        new IOException("Unable to read data from the transport connection.", new SocketException((int)SocketError.ConnectionReset)));

    /// <summary>An answer that the service itself never gave; null for a fault that needs the service's answer.</summary>
    internal static HttpResponseMessage? Instead(PlannedFault fault, DateTime now) => fault.Kind switch
    {
        FaultKind.TooManyForSeconds => WithHeader(Json(429, """{"detail":"Too Many Requests"}"""), fault.Seconds.ToString(CultureInfo.InvariantCulture)),
        FaultKind.TooManyUntilDate => WithHeader(Json(429, """{"detail":"Too Many Requests"}"""), now.AddSeconds(fault.Seconds).ToString("R", CultureInfo.InvariantCulture)),
        FaultKind.NoCredit => Json(402, """{"detail":"You have reached the spending limit of your plan."}"""),
        FaultKind.Unauthorized => Html(401),
        FaultKind.Forbidden => Html(403),
        FaultKind.NotFound => fault.At % 2 == 0 ? Html(404) : Text(404, "no healthy upstream"),
        FaultKind.ServerError => Json(500, """{"detail":"The storage cannot be reached."}"""),
        FaultKind.Vanished => Json(404, """{"detail":"Deployment not found"}"""),
        FaultKind.Unavailable => Html(fault.Seconds % 2 == 0 ? 503 : 502),
        _ => null,
    };

    /// <summary>Whether the service has done what was asked when it happens.</summary>
    internal static bool ComesAfterTheService(PlannedFault fault) =>
        fault.Kind is not (FaultKind.ResetBefore or FaultKind.Hang) && Instead(fault, DateTime.UnixEpoch) is null;

    /// <summary>Spoils a good answer.</summary>
    internal static HttpContent Spoil(FaultKind kind, byte[] body) => kind switch
    {
        FaultKind.ResetInAnswer => new StreamContent(new BrokenStream(body[..(body.Length / 2)])),
        FaultKind.Truncated => new ByteArrayContent(body[..(body.Length / 2)]),
        FaultKind.EmptyObject => new StringContent("{}"),
        FaultKind.NullAnswer => new StringContent("null"),
        FaultKind.WrongTypes => Changed(body, (_, value) => value.GetValueKind() == System.Text.Json.JsonValueKind.Number ? value.ToJsonString() : value.ToJsonString().Length),
        FaultKind.HalfSurrogate => new StringContent(WithHalfSurrogate(Encoding.UTF8.GetString(body))),
        FaultKind.EmptyTexts => Changed(body, (name, value) =>
            name is "id" or "run_id" or "status" || value.GetValueKind() != System.Text.Json.JsonValueKind.String ? value.DeepClone() : ""),
        FaultKind.CorruptGzip => new StreamContent(new GZipStream(new MemoryStream([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF]), CompressionMode.Decompress)),
        _ => new ByteArrayContent(body),
    };

    private static HttpResponseMessage Html(int status) => new((HttpStatusCode)status) { Content = new StringContent(Page, Encoding.UTF8, "text/html") };

    private static HttpResponseMessage Text(int status, string text) => new((HttpStatusCode)status) { Content = new StringContent(text) };

    private static HttpResponseMessage Json(int status, string text) =>
        new((HttpStatusCode)status) { Content = new StringContent(text, Encoding.UTF8, "application/json") };

    private static HttpResponseMessage WithHeader(HttpResponseMessage response, string retryAfter)
    {
        response.Headers.TryAddWithoutValidation("Retry-After", retryAfter);
        return response;
    }

    private static string WithHalfSurrogate(string json)
    {
        int at = json.IndexOf('{', StringComparison.Ordinal);
        return at < 0 || json[at + 1] == '}' ? json : json.Insert(at + 1, "\"odd\":\"\\ud800\",");
    }

    private static StringContent Changed(byte[] body, Func<string, JsonValue, JsonNode?> change) =>
        new(Change(JsonNode.Parse(body), string.Empty, change)?.ToJsonString() ?? "null");

    private static JsonNode? Change(JsonNode? node, string name, Func<string, JsonValue, JsonNode?> change) => node switch
    {
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, Change(member.Value, member.Key, change)))),
        JsonArray items => new JsonArray([.. items.Select(item => Change(item, name, change))]),
        JsonValue value => change(name, value),
        _ => null,
    };

    /// <summary>Half of an answer, then a reset.</summary>
    private sealed class BrokenStream(byte[] half) : MemoryStream(half)
    {
        public override int Read(byte[] buffer, int offset, int count) => Checked(base.Read(buffer, offset, count));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            Task.FromResult(Checked(base.Read(buffer, offset, count)));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(Checked(base.Read(buffer.Span)));

        private static int Checked(int read) => read > 0 ? read : throw new IOException("The response ended prematurely.");
    }
}
