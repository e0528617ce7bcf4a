using System.Diagnostics;
using System.Text.Json;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Emulator;

public sealed class FaultTests : IDisposable
{
    private const string Create = "/run/deployment/queue";
    private static readonly string Body = $$"""{"deployment_id":"{{EmulatorClient.Portrait}}","inputs":{"prompt":"x"} }""";
    private readonly ComfyEmulator _emulator = ComfyEmulator.Start(new EmulatorOptions { Speed = 0 });
    private readonly EmulatorClient _client;

    public FaultTests() => _client = new EmulatorClient(_emulator);

    public void Dispose()
    {
        _client.Dispose();
        _emulator.Dispose();
    }

    [Fact]
    public async Task A_status_fault_occurs_as_often_as_planned_and_nothing_is_executed()
    {
        _emulator.AddFault("POST /run/deployment/queue = 429 retry-after=2 x2");
        for (int i = 0; i < 2; i++)
        {
            Answer refused = await _client.PostAsync(Create, Body);
            Assert.Equal(429, refused.Status);
            Assert.Equal(TimeSpan.FromSeconds(2), refused.Headers.RetryAfter!.Delta);
        }

        Assert.Empty(_emulator.Runs);
        Assert.Equal(200, (await _client.PostAsync(Create, Body)).Status);
    }

    [Fact]
    public async Task Retry_after_can_be_a_date_of_the_emulators_clock()
    {
        _emulator.AddFault("* /workflows = 503 retry-date=30");
        Answer answer = await _client.GetAsync("/workflows");
        Assert.Equal(answer.Headers.Date!.Value.AddSeconds(30), answer.Headers.RetryAfter!.Date!.Value);
    }

    [Fact]
    public async Task The_first_matching_requests_can_pass()
    {
        _emulator.AddFault("GET /workflows = 503 after=1");
        int[] statuses = [(await _client.GetAsync("/workflows")).Status, (await _client.GetAsync("/workflows")).Status, (await _client.GetAsync("/workflows")).Status];
        Assert.Equal([200, 503, 200], statuses);
    }

    [Fact]
    public async Task Always_holds_until_cleared()
    {
        _emulator.AddFault("GET /work* = 502 always");
        for (int i = 0; i < 3; i++) Assert.Equal(502, (await _client.GetAsync("/workflows?limit=1")).Status);
        _emulator.ClearFaults();
        Assert.Equal(200, (await _client.GetAsync("/workflows")).Status);
    }

    [Theory]
    [InlineData("reset", 0)]
    [InlineData("lost", 1)]
    [InlineData("cut", 1)]
    [InlineData("wronglength", 1)]
    public async Task A_broken_connection_tells_whether_the_service_executed_the_request(string what, int runs)
    {
        _emulator.AddFault($"POST {Create} = {what}");
        await Assert.ThrowsAnyAsync<Exception>(() => _client.PostAsync(Create, Body));
        Assert.Equal(runs, _emulator.Runs.Count);
        EmulatorRequest request = Assert.Single(_emulator.Requests);
        Assert.Null(request.Status);
        Assert.True(request.Authorized);
    }

    [Fact]
    public async Task A_late_request_is_executed_after_the_client_gave_up()
    {
        _emulator.AddFault($"POST {Create} = late 5s");
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => _client.PostAsync(Create, Body));
        _emulator.Advance(TimeSpan.FromSeconds(4));
        Assert.Empty(_emulator.Runs);
        _emulator.Advance(TimeSpan.FromSeconds(1));
        Assert.Single((await _client.GetAsync($"/deployment/{EmulatorClient.Portrait}/runs")).Json["data"]!.AsArray());
    }

    [Fact]
    public async Task A_gateway_error_can_hide_a_request_that_was_carried_out()
    {
        _emulator.AddFault($"POST {Create} = 502 executed");
        Assert.Equal(502, (await _client.PostAsync(Create, Body)).Status);
        Assert.Single(_emulator.Runs);
    }

    [Fact]
    public async Task Close_sends_the_complete_response_and_then_needs_a_new_connection()
    {
        _emulator.AddFault($"POST {Create} = close");
        // A pooled connection could be reused before its end is noticed, so this one is read to its end.
        string answer = await _client.PostOverOwnConnectionAsync(Create, Body);
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"run_id\"", answer, StringComparison.Ordinal);
        Assert.Equal(200, (await _client.PostAsync(Create, Body)).Status);
        Assert.Equal(2, _emulator.Runs.Count);
    }

    [Theory]
    [InlineData("hang", 0)]
    [InlineData("stall", 1)]
    public async Task A_hanging_request_waits_for_the_client_to_give_up(string what, int runs)
    {
        _emulator.AddFault($"POST {Create} = {what}");
        Task<Answer> pending = _client.PostAsync(Create, Body);
        await Assert.ThrowsAsync<TimeoutException>(() => pending.WaitAsync(TimeSpan.FromMilliseconds(300)));
        Assert.Equal(runs, _emulator.Runs.Count);
        _emulator.Stop();
        await Assert.ThrowsAnyAsync<Exception>(() => pending.WaitAsync(EmulatorClient.Limit));
    }

    [Fact]
    public async Task Truncated_json_is_valid_http()
    {
        _emulator.AddFault("GET /workflows = truncate");
        Answer answer = await _client.GetAsync("/workflows");
        Assert.Equal(200, answer.Status);
        Assert.ThrowsAny<JsonException>(() => answer.Json);
    }

    [Fact]
    public async Task Wrong_types_keep_the_names()
    {
        string id = await _client.QueueAsync("x");
        _emulator.AddFault("GET /run/* = wrongtypes");
        var run = await _client.RunAsync(id);
        Assert.Equal(JsonValueKind.Number, run["status"]!.GetValueKind());
        Assert.Equal(JsonValueKind.String, run["progress"]!.GetValueKind());
        Assert.Equal(JsonValueKind.Object, run["outputs"]!.GetValueKind());
    }

    [Fact]
    public async Task A_redirect_has_its_target()
    {
        _emulator.AddFault("GET /workflows = redirect http://127.0.0.1:1/elsewhere");
        Answer answer = await _client.GetAsync("/workflows");
        Assert.Equal(307, answer.Status);
        Assert.Equal("http://127.0.0.1:1/elsewhere", answer.Headers.Location!.AbsoluteUri);
    }

    [Theory]
    [InlineData("latency 300ms", 0.29)]
    [InlineData("drip 1000", 0.3)]
    public async Task A_slow_response_takes_its_time(string what, double atLeast)
    {
        _emulator.AddFault($"GET /workflows = {what}");
        Stopwatch watch = Stopwatch.StartNew();
        Assert.Equal(200, (await _client.GetAsync("/workflows")).Status);
        Assert.True(watch.Elapsed.TotalSeconds >= atLeast);
    }

    [Theory]
    [InlineData("")]
    [InlineData("POST /run")]
    [InlineData("POST /run = ")]
    [InlineData("POST /run = explode")]
    [InlineData("POST /run = 999")]
    [InlineData("FETCH /run = 503")]
    [InlineData("POST /run = 503 sometimes")]
    [InlineData("POST /run = 503 x2 always")]
    [InlineData("POST /run = 503 after=soon")]
    [InlineData("POST /run = latency")]
    [InlineData("POST /run = latency 5")]
    [InlineData("POST /run = drip fast")]
    [InlineData("POST /run = reset retry-after=2")]
    public void An_invalid_fault_is_rejected_with_the_allowed_ones(string fault)
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => _emulator.AddFault(fault));
        Assert.Contains("wrongtypes", e.Message, StringComparison.Ordinal);
        Assert.Contains($"'{fault}'", e.Message, StringComparison.Ordinal);
    }
}
