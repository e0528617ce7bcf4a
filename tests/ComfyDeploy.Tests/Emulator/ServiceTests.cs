using System.Net.Sockets;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Emulator;

/// <summary>Keys, lists, creates and the emulator's own housekeeping.</summary>
public sealed class ServiceTests : IDisposable
{
    private const string Portrait = "00000020-0000-4000-8000-000000000020";
    private readonly ComfyEmulator _emulator = ComfyEmulator.Start(new EmulatorOptions { Speed = 0 });
    private readonly EmulatorClient _client;

    public ServiceTests() => _client = new EmulatorClient(_emulator);

    public void Dispose()
    {
        _client.Dispose();
        _emulator.Dispose();
    }

    [Fact]
    public async Task Only_its_own_key_is_accepted()
    {
        string key = EmulatorClient.Text(_emulator.ApiKey);
        Assert.Equal(200, (await _client.SendAsync(HttpMethod.Get, "/workflows", authorization: "Bearer " + key)).Status);
        Assert.Equal(401, (await _client.SendAsync(HttpMethod.Get, "/workflows", authorization: "bearer " + key)).Status);
        Assert.Equal(401, (await _client.SendAsync(HttpMethod.Get, "/workflows", authorization: "Bearer x" + key)).Status);
        using ComfyEmulator other = ComfyEmulator.Start();
        using EmulatorClient stranger = new(other, _emulator.ApiKey);
        Assert.Equal("""{"detail":"Invalid or expired token"}""", (await stranger.GetAsync("/workflows")).Text);
        Assert.Equal([true, false, false], _emulator.Requests.Select(r => r.Authorized));
        Assert.DoesNotContain(_emulator.Requests, r => r.Query.Contains(key, StringComparison.Ordinal) || r.Body.Contains(key, StringComparison.Ordinal));
    }

    [Fact]
    public void The_key_has_the_format_of_a_real_one()
    {
        string[] parts = EmulatorClient.Text(_emulator.ApiKey).Split('.');
        Assert.Equal(3, parts.Length);
        Assert.StartsWith("eyJ", parts[0], StringComparison.Ordinal);
        string payload = parts[1].Replace('-', '+').Replace('_', '/');
        JsonNode claims = JsonNode.Parse(Convert.FromBase64String(payload.PadRight(payload.Length + ((4 - (payload.Length % 4)) % 4), '=')))!;
        Assert.Equal("user_emulator", claims["user_id"]!.GetValue<string>());
        Assert.Null(claims["org_id"]);
    }

    [Fact]
    public async Task Another_user_sees_none_of_the_users_rows()
    {
        string id = await _client.QueueAsync("mine");
        using EmulatorClient stranger = new(_emulator, _emulator.AddKey("user_neighbour"));
        Assert.Equal("""{"detail":"You are not authorized to access this resource"}""", (await stranger.GetAsync($"/run/{id}")).Text);
        Assert.Equal(404, (await stranger.GetAsync($"/v2/workflow/{Portrait}/runs")).Status);
        Assert.Empty((await stranger.GetAsync($"/workflow/{Portrait}/runs")).Json.AsArray());
        Assert.Equal("""{"detail":"Deployment not found"}""", (await stranger.PostAsync("/run/deployment/queue", $$"""{"deployment_id":"{{EmulatorClient.Portrait}}"}""")).Text);
        Assert.Equal(["neighbours-secret"], Names((await stranger.GetAsync("/workflows")).Json, "name"));
        using EmulatorClient organization = new(_emulator, _emulator.AddKey("user_emulator", "org_new"));
        Assert.Empty((await organization.GetAsync("/workflows")).Json.AsArray());
    }

    [Fact]
    public async Task Lists_are_paged_newest_first()
    {
        List<string> ids = [];
        for (int i = 0; i < 5; i++)
        {
            ids.Add(await _client.QueueAsync("#stuck"));
            _emulator.Advance(TimeSpan.FromSeconds(1));
        }

        ids.Reverse();
        Assert.Equal(ids[..2], Names((await _client.GetAsync($"/v2/workflow/{Portrait}/runs?limit=2")).Json, "id"));
        Assert.Equal(ids[2..4], Names((await _client.GetAsync($"/workflow/{Portrait}/runs?limit=2&offset=2")).Json, "id"));
        Assert.Equal(ids[4..], Names((await _client.GetAsync($"/deployment/{EmulatorClient.Portrait}/runs?limit=2&offset=4")).Json["data"]!, "id"));
        Assert.Empty((await _client.GetAsync($"/v2/workflow/{Portrait}/runs?offset=5")).Json.AsArray());
    }

    [Fact]
    public async Task Old_and_new_style_deployments_are_two_lists()
    {
        Assert.Equal(4, (await _client.GetAsync("/deployments")).Json.AsArray().Count);
        Assert.Equal(["production", "production", "staging"], Names((await _client.GetAsync("/deployments?is_fluid=true")).Json, "environment").Order());
        JsonArray animate = (await _client.GetAsync("/workflow/00000022-0000-4000-8000-000000000022/deployments")).Json.AsArray();
        Assert.Equal(["preview", "staging"], Names(animate, "environment").Order());
    }

    [Fact]
    public async Task A_fixed_gpu_overrides_the_requested_one()
    {
        async Task<string> GpuOf(string deployment)
        {
            Answer answer = await _client.PostAsync("/run/deployment/queue", $$"""{"deployment_id":"{{deployment}}","gpu":"T4"}""");
            return (await _client.RunAsync(answer.Json["run_id"]!.GetValue<string>()))["gpu"]!.GetValue<string>();
        }

        Assert.Equal("A10G", await GpuOf(EmulatorClient.Portrait));
        Assert.Equal("T4", await GpuOf("00000031-0000-4000-8000-000000000031"));
    }

    [Fact]
    public async Task Inputs_are_returned_unchanged_in_the_order_of_the_database()
    {
        Answer answer = await _client.PostAsync("/run/deployment/queue", $$"""{"deployment_id":"{{EmulatorClient.Portrait}}","inputs":{"seed":18446744073709551615,"f":1.50,"prompt":"Ж中😀 \"q\" \\ \n","unknown":[1,{"b":null,"a":1}]} }""");
        string run = (await _client.GetAsync("/run/" + answer.Json["run_id"]!.GetValue<string>())).Text;
        Assert.Contains("""
            "workflow_inputs":{"f":1.50,"seed":18446744073709551615,"prompt":"Ж中
            """, run, StringComparison.Ordinal);
        Assert.Contains("""
            "unknown":[1,{"a":1,"b":null}]}
            """, run, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_one_route_returns_the_id_of_a_batch()
    {
        string body = $$"""{"deployment_id":"{{EmulatorClient.Portrait}}","batch_input_params":{"prompt":["x","y"],"seed":[1,2,3]} }""";
        Assert.NotNull((await _client.PostAsync("/run", body)).Json["batch_id"]);
        Assert.Equal(6, _emulator.Runs.Count);
        Assert.Equal(500, (await _client.PostAsync("/run/deployment/queue", body)).Status);
        Assert.Equal(12, _emulator.Runs.Count);
    }

    [Fact]
    public async Task A_large_body_is_accepted_in_one_piece_and_in_chunks()
    {
        JsonObject body = new() { ["deployment_id"] = EmulatorClient.Portrait, ["inputs"] = new JsonObject { ["prompt"] = new string('x', 20_000_000) } };
        Assert.Equal(200, (await _client.PostAsync("/run/deployment/queue", body.ToJsonString())).Status);
        using HttpClient http = new() { Timeout = EmulatorClient.Limit };
        using HttpRequestMessage chunked = new(HttpMethod.Post, _client.Base + "/run/deployment/queue") { Content = new StringContent(body.ToJsonString(), null, "application/json") };
        chunked.Headers.TransferEncodingChunked = true;
        chunked.Headers.Authorization = new("Bearer", EmulatorClient.Text(_emulator.ApiKey));
        using HttpResponseMessage response = await http.SendAsync(chunked);
        Assert.True(response.IsSuccessStatusCode);
        Assert.Equal(2, _emulator.Runs.Count);
    }

    [Fact]
    public async Task The_date_is_the_emulators_clock()
    {
        using ComfyEmulator past = ComfyEmulator.Start(new EmulatorOptions { Speed = 0, StartTime = new DateTime(2020, 2, 3, 4, 5, 6, DateTimeKind.Utc) });
        using EmulatorClient client = new(past);
        past.Advance(TimeSpan.FromHours(1));
        Assert.Equal(new DateTimeOffset(2020, 2, 3, 5, 5, 6, TimeSpan.Zero), (await client.GetAsync("/workflows")).Headers.Date);
        Assert.Equal(new DateTime(2020, 2, 3, 5, 5, 6, DateTimeKind.Utc), past.Now);
        string id = await client.QueueAsync("x");
        Assert.Equal("2020-02-03T05:05:06Z", (await client.RunAsync(id))["created_at"]!.GetValue<string>());
        string lost = await client.QueueAsync("#wholesecond");
        Assert.Equal("2020-02-03T05:05:00Z", (await client.RunAsync(lost))["created_at"]!.GetValue<string>());
        JsonNode row = (await client.GetAsync($"/v2/workflow/{Portrait}/runs")).Json.AsArray().Single(r => r!["id"]!.GetValue<string>() == lost)!;
        Assert.Equal("2020-02-03T05:05Z", row["created_at"]!.GetValue<string>());
    }

    [Fact]
    public async Task Speed_moves_the_clock()
    {
        using ComfyEmulator fast = ComfyEmulator.Start(new EmulatorOptions { Speed = 1000 });
        using EmulatorClient client = new(fast);
        string id = await client.QueueAsync("x");
        using CancellationTokenSource limit = new(EmulatorClient.Limit);
        while (await client.StatusAsync(id) != "success") limit.Token.ThrowIfCancellationRequested();
    }

    [Fact]
    public async Task It_listens_on_localhost_too()
    {
        string uri = $"http://localhost:{_emulator.BaseUri.Port}/api/platform/gpu-pricing";
        Assert.Equal(200, (await _client.SendAsync(HttpMethod.Get, uri)).Status);
    }

    [Fact]
    public async Task Stopping_frees_the_port_and_keeps_the_request_log()
    {
        await _client.GetAsync("/workflows");
        int port = _emulator.BaseUri.Port;
        Assert.Throws<SocketException>(() => ComfyEmulator.Start(new EmulatorOptions { Port = port }));
        _emulator.Stop();
        _emulator.Stop();
        Assert.Single(_emulator.Requests);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => _client.GetAsync("/workflows"));
        using ComfyEmulator next = ComfyEmulator.Start(new EmulatorOptions { Port = port });
        Assert.Equal(port, next.BaseUri.Port);
    }

    [Fact]
    public async Task Parallel_requests_are_all_served_and_counted()
    {
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => _client.QueueAsync($"{i} #fast"))).WaitAsync(EmulatorClient.Limit);
        Assert.Equal(50, _emulator.Runs.Select(r => r.RunId).Distinct().Count());
        Assert.Equal(Enumerable.Range(1, 50), _emulator.Requests.Select(r => r.Number));
        _emulator.Advance(TimeSpan.FromHours(1));
        Assert.All(_emulator.Runs, run => Assert.Equal("success", run.Status));
    }

    [Fact]
    public async Task An_unhandled_body_gives_the_services_plain_500()
    {
        Answer answer = await _client.PostAsync("/run/deployment/queue", """{"deployment_id":"a","deployment_id":"b"}""");
        Assert.Equal(500, answer.Status);
        Assert.Equal("Internal Server Error", answer.Text);
    }

    [Fact]
    public async Task An_unsupported_route_returns_501()
    {
        Answer answer = await _client.GetAsync("/sessions");
        Assert.Equal(501, answer.Status);
        Assert.Contains("GET /sessions", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_clock_cannot_go_back() => Assert.Throws<ArgumentOutOfRangeException>(() => _emulator.Advance(TimeSpan.FromSeconds(-1)));

    [Theory]
    [InlineData("{oops", "not valid")]
    [InlineData("{}", "no users")]
    [InlineData("""{"users":[{"id":"u"}],"surprise":1}""", "surprise")]
    [InlineData("""{"users":[{"id":"u"}],"machines":[{"name":"m"}]}""", "has no id")]
    [InlineData("""{"users":[{"id":"u"}],"deployments":[{"id":"00000030-0000-4000-8000-000000000030","workflowId":"00000020-0000-4000-8000-000000000020"}]}""", "workflowId")]
    [InlineData("""{"users":[{"id":"u"}],"workflows":[{"id":"00000020-0000-4000-8000-000000000020","userId":"v"}]}""", "'v'")]
    public void An_inconsistent_seed_is_rejected_with_the_reason(string seed, string reason)
    {
        EmulatorSeedException e = Assert.Throws<EmulatorSeedException>(() => ComfyEmulator.Start(new EmulatorOptions { SeedJson = seed }));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_seed_file_is_named() =>
        Assert.Contains("no-such.json", Assert.Throws<EmulatorSeedException>(() => ComfyEmulator.Start(new EmulatorOptions { SeedPath = "no-such.json" })).Message, StringComparison.Ordinal);

    private static List<string> Names(JsonNode rows, string key) => rows.AsArray().Select(row => row![key]!.GetValue<string>()).ToList();
}
