using System.Net;
using System.Net.Sockets;
using System.Text;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>The key is sent only to the service's URL, and appears nowhere.</summary>
public sealed class KeyHygieneTests
{
    private static readonly string[] Echoes =
    [
        $$"""{"detail":"Bad header Authorization: Bearer {{ClientUnderTest.Key}}"}""",
        $$"""{"error":"{{ClientUnderTest.Key}}"}""",
        $$"""{"detail":[{"loc":["header","{{ClientUnderTest.Key}}"],"msg":"{{ClientUnderTest.Key}}"}]}""",
        $"Authorization: Bearer {ClientUnderTest.Key}",
        new string('x', 480) + ClientUnderTest.Key,
        $$"""{"detail":"{{new string('x', 490)}}{{ClientUnderTest.Key}}"}""",
        $"{{\"detail\":\"cut {ClientUnderTest.Key}",
    ];

    public static TheoryData<int, string> EchoedKeys
    {
        get
        {
            TheoryData<int, string> table = [];
            foreach (int status in (int[])[302, 400, 401, 403, 404, 422, 429, 500, 503]) foreach (string echo in Echoes) table.Add(status, echo);
            return table;
        }
    }

    [Fact]
    public async Task Every_request_sends_the_key_only_to_the_connections_URL()
    {
        ClientUnderTest test = new(() => Reply.Json("[]"));
        await test.Client.GetWorkflowsAsync(default).WaitAsync(ClientUnderTest.Limit);
        await test.Client.GetDeploymentsAsync(fresh: true, default).WaitAsync(ClientUnderTest.Limit);
        Assert.Equal(3, test.Handler.Requests.Count);
        Assert.All(test.Handler.Requests, request =>
        {
            Assert.Equal("https://service.test", request.Address.GetLeftPart(UriPartial.Authority));
            Assert.StartsWith("/api/", request.PathAndQuery, StringComparison.Ordinal);
            Assert.Equal(("Bearer", ClientUnderTest.Key), (request.Authorization!.Scheme, request.Authorization.Parameter));
        });
    }

    [Theory]
    [InlineData(".evil.test/x")]
    [InlineData("@evil.test/x")]
    [InlineData(":8080/x")]
    [InlineData("https://evil.test/x")]
    public async Task A_path_outside_the_base_URL_is_never_sent(string path)
    {
        ScriptedHandler handler = new(() => Reply.Json("{}"));
        ApiSession session = new(ClientUnderTest.Connect(baseUri: "https://service.test"), handler, new ManualClock());
        using HttpRequestMessage request = new(HttpMethod.Get, new Uri(path, UriKind.RelativeOrAbsolute));
        await Assert.ThrowsAsync<ArgumentException>(() => session.SendAsync(request, new RecordingLog(), default).WaitAsync(ClientUnderTest.Limit));
        Assert.Empty(handler.Requests);
    }

    [Theory]
    [MemberData(nameof(EchoedKeys))]
    public async Task A_key_the_service_repeats_is_in_no_error_and_in_no_log(int status, string body)
    {
        ClientUnderTest test = new(() =>
        {
            HttpResponseMessage response = Reply.With(status, body);
            response.Headers.TryAddWithoutValidation("X-Request-Id", ClientUnderTest.Key);
            return response;
        });
        CreateRequest create = new(new DeploymentTarget("d", "portrait/production"), "{}", null, null, false);
        foreach (Func<Task> call in (Func<Task>[])[() => test.GetRunAsync(), () => test.Client.CancelRunAsync("r", null, default), () => test.Client.CreateRunAsync(create, default)])
        {
            ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => call().WaitAsync(ClientUnderTest.Limit));
            AssertNoKey(error.ToString());
            AssertNoKey(error.RequestId ?? "");
        }
        Assert.NotEmpty(test.Log.All);
        Assert.All(test.Log.All, AssertNoKey);
    }

    [Fact]
    public async Task A_successful_run_leaves_no_key_in_the_log()
    {
        ClientUnderTest test = new(() => Reply.Status(503), () => throw new HttpRequestException("gone"), () => Reply.Json(ClientUnderTest.RunJson(ClientUnderTest.RunId)));
        ComfyRun run = await test.GetRunAsync();
        Assert.Equal(3, test.Log.Of("Debug").Count);
        Assert.All(test.Log.All, AssertNoKey);
        foreach (System.Reflection.PropertyInfo property in typeof(ComfyRun).GetProperties()) AssertNoKey(property.GetValue(run)?.ToString() ?? "");
        AssertNoKey(test.Session.Connection.ToString());
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_an_error_and_is_never_followed(int status)
    {
        using OneAnswerServer elsewhere = new("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
        using OneAnswerServer service = new($"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.Address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        ComfyConnection connection = ClientUnderTest.Connect(baseUri: service.Address + "api");
        ComfyDeployClient client = new(ApiSession.For(connection), new RecordingLog());
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => client.GetRunAsync(ClientUnderTest.RunId, default).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal((ErrorIds.ServiceError, status), (error.ErrorId, error.StatusCode));
        Assert.Contains("redirect", error.Message, StringComparison.Ordinal);
        Assert.Equal((1, 0), (service.Connections, elsewhere.Connections));
    }

    private static void AssertNoKey(string text)
    {
        Assert.DoesNotContain(ClientUnderTest.Key, text, StringComparison.Ordinal);
        // Nor a part of it, where text is cut.
        Assert.DoesNotContain(ClientUnderTest.Key[..12], text, StringComparison.Ordinal);
    }

    /// <summary>Answers every connection with the same bytes.</summary>
    private sealed class OneAnswerServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly byte[] _answer;
        private int _connections;

        internal OneAnswerServer(string answer)
        {
            _answer = Encoding.ASCII.GetBytes(answer);
            _listener.Start();
            _ = ServeAsync();
        }

        internal string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/";

        internal int Connections => _connections;

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using TcpClient client = await _listener.AcceptTcpClientAsync();
                    Interlocked.Increment(ref _connections);
                    NetworkStream stream = client.GetStream();
                    byte[] request = new byte[8192];
                    _ = await stream.ReadAsync(request);
                    await stream.WriteAsync(_answer);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException or InvalidOperationException)
            {
                // The listener was closed.
            }
        }
    }
}
