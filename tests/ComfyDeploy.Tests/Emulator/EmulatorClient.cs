using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security;
using System.Text;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Emulator;

/// <summary>A plain HTTP client for the emulator, independent of the module.</summary>
internal sealed class EmulatorClient : IDisposable
{
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    internal const string Portrait = "00000030-0000-4000-8000-000000000030";

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = Limit };
    private readonly string? _key;

    internal EmulatorClient(ComfyEmulator emulator, SecureString? key = null)
    {
        Base = emulator.BaseUri.AbsoluteUri;
        _key = Text(key ?? emulator.ApiKey);
    }

    internal EmulatorClient(ComfyEmulator emulator, string? key)
    {
        Base = emulator.BaseUri.AbsoluteUri;
        _key = key;
    }

    internal string Base { get; }

    public void Dispose() => _http.Dispose();

    /// <summary>Posts over its own connection, and reads until the service closes it.</summary>
    internal async Task<string> PostOverOwnConnectionAsync(string path, string body)
    {
        Uri address = new(Base + path);
        using CancellationTokenSource limit = new(Limit);
        using TcpClient connection = new();
        await connection.ConnectAsync(address.Host, address.Port, limit.Token);
        string head = $"POST {address.AbsolutePath} HTTP/1.1\r\nHost: {address.Authority}\r\nAuthorization: Bearer {_key}\r\n" +
            $"Content-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n";
        await connection.GetStream().WriteAsync(Encoding.UTF8.GetBytes(head + body), limit.Token);
        using StreamReader reader = new(connection.GetStream());
        return await reader.ReadToEndAsync(limit.Token);
    }

    internal async Task<Answer> SendAsync(HttpMethod method, string path, string? body = null, string type = "application/json", string? authorization = null)
    {
        using HttpRequestMessage request = new(method, path.StartsWith("http", StringComparison.Ordinal) ? path : Base + path);
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        else if (_key is not null && request.RequestUri!.AbsoluteUri.StartsWith(Base, StringComparison.Ordinal)) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _key);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, type);
        using CancellationTokenSource limit = new(Limit);
        using HttpResponseMessage response = await _http.SendAsync(request, limit.Token);
        using Stream content = await response.Content.ReadAsStreamAsync(limit.Token);
        using MemoryStream copy = new();
        await content.CopyToAsync(copy, limit.Token);
        return new Answer((int)response.StatusCode, copy.ToArray(), response.Headers, response.Content.Headers);
    }

    internal Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    internal Task<Answer> PostAsync(string path, string? body = null) => SendAsync(HttpMethod.Post, path, body);

    /// <summary>Queues a run of portrait/production, or of another deployment.</summary>
    internal async Task<string> QueueAsync(string prompt, string deployment = Portrait)
    {
        JsonObject body = new() { ["deployment_id"] = deployment, ["inputs"] = new JsonObject { ["prompt"] = prompt } };
        Answer answer = await PostAsync("/run/deployment/queue", body.ToJsonString());
        Assert.Equal(200, answer.Status);
        return answer.Json["run_id"]!.GetValue<string>();
    }

    internal async Task<JsonNode> RunAsync(string id, string query = "") => (await GetAsync($"/run/{id}{query}")).Json;

    internal async Task<string> StatusAsync(string id) => (await RunAsync(id))["status"]!.GetValue<string>();

    internal static string Text(SecureString secure)
    {
        IntPtr pointer = Marshal.SecureStringToGlobalAllocUnicode(secure);
        try
        {
            return Marshal.PtrToStringUni(pointer)!;
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(pointer);
        }
    }
}

/// <summary>A response.</summary>
internal sealed record Answer(int Status, byte[] Bytes, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders)
{
    internal string Text => Encoding.UTF8.GetString(Bytes);

    internal JsonNode Json => JsonNode.Parse(Bytes)!;
}
