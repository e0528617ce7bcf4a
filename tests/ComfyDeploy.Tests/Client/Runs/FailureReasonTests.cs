using System.Text.Json;
using System.Globalization;
using System.Text.Json.Nodes;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Failure reasons need at most two lists for each batch, then a log for each remaining run, and never cause an error.</summary>
public sealed partial class FailureReasonTests
{
    private const string NodeError = """[{"data":{"exception_message":"CUDA out of memory\n","node_type":"KSampler","exception_type":"RuntimeError"}}]""";
    private readonly Dictionary<string, string> _outputsById = [];
    private readonly Dictionary<string, string> _logById = [];
    private readonly ClientUnderTest _test;
    private readonly FailureReasons _reasons;
    private bool _listsFail;

    public FailureReasonTests()
    {
        _test = new(new ScriptedHandler(Answer), new() { Runs = false });
        _reasons = new(_test.Client, _test.Log);
    }

    [Fact]
    public async Task One_list_has_the_reasons_of_many_runs_of_a_workflow()
    {
        ComfyRun[] runs = [.. Enumerable.Range(0, 40).Select(i => Failed($"r{i}"))];
        foreach (ComfyRun run in runs) _outputsById[run.RunId!] = NodeError;
        await FillAsync(runs);
        Assert.All(runs, run => Assert.Equal("KSampler: CUDA out of memory", run.Error));
        Assert.Equal((1, 0), (Lists, Logs));
        Assert.Contains("limit=50&offset=0", Assert.Single(_test.Handler.Requests).PathAndQuery, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_further_down_is_found_in_a_second_longer_list()
    {
        for (int i = 0; i < 120; i++) _outputsById[$"r{i}"] = NodeError;
        ComfyRun run = Failed("r100");
        await FillAsync(run);
        Assert.Equal("KSampler: CUDA out of memory", run.Error);
        Assert.Equal((2, 0), (Lists, Logs));
        Assert.Contains("limit=150&offset=50", _test.Handler.Requests[1].PathAndQuery, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_two_lists_the_logs_are_read_for_the_remaining_runs()
    {
        ComfyRun[] runs = [Failed("a", "w1"), Failed("b", "w2"), Failed("c", "w3"), Failed("d", "w3")];
        foreach (string id in (string[])["a", "b", "c", "d"]) _logById[id] = "loading;ValueError: no such model;done";
        await FillAsync(runs);
        Assert.All(runs, run => Assert.Equal("ValueError: no such model", run.Error));
        Assert.Equal((2, 4), (Lists, Logs));
        Assert.StartsWith("/api/workflow/w3/", _test.Handler.Requests[0].PathAndQuery, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_logs_are_read_in_parallel_and_none_is_lost()
    {
        ComfyRun[] runs = [.. Enumerable.Range(0, 500).Select(i => Failed($"r{i}"))];
        foreach (ComfyRun run in runs) _logById[run.RunId!] = $"Error in {run.RunId}";
        await FillAsync(runs);
        Assert.All(runs, run => Assert.Equal($"Error in {run.RunId}", run.Error));
        Assert.Equal((1, 500), (Lists, Logs));
        await FillAsync([.. runs.Select(run => Failed(run.RunId!))]);
        Assert.Equal((1, 500), (Lists, Logs));
    }

    [Fact]
    public async Task A_known_reason_needs_no_request()
    {
        _outputsById["a"] = NodeError;
        await FillAsync(Failed("a"));
        ComfyRun again = Failed("a");
        await FillAsync(again);
        Assert.Equal("KSampler: CUDA out of memory", again.Error);
        Assert.Equal(1, Lists);
    }

    [Fact]
    public async Task Only_failed_runs_without_a_reason_are_looked_up()
    {
        ComfyRun known = Failed("a");
        known.Error = "known";
        await FillAsync(known, new() { RunId = "b", Status = "success" }, new() { RunId = "c", Status = "timeout" }, new() { Status = "failed" });
        Assert.Empty(_test.Handler.Requests);
        Assert.Equal("known", known.Error);
    }

    [Fact]
    public async Task A_reason_that_cannot_be_found_is_not_an_error()
    {
        _listsFail = true;
        ComfyRun run = Failed("a");
        await FillAsync(run);
        Assert.Null(run.Error);
        Assert.Equal((2, 1), (Lists, Logs));
        Assert.Empty(_test.Log.Warnings);
        Assert.Equal(3, _test.Log.Of("Verbose").Count);
    }

    [Fact]
    public void The_recorded_reasons_are_found()
    {
        JsonArray rows = JsonNode.Parse(Recorded.Exchange("runs-v1-default").Body)!.AsArray();
        List<string?> reasons = [.. rows.Where(row => row!["status"]!.GetValue<string>() == "failed").Select(row => FailureReasons.Reason(Element(row!["outputs"]!.ToJsonString())))];
        // The first run produced its image and was then marked as failed; its outputs contain no reason.
        Assert.Equal([null, "KSampler: CUDA out of memory. Tried to allocate 2.00 GiB"], reasons);
    }

    [Theory]
    [InlineData(NodeError, "KSampler: CUDA out of memory")]
    [InlineData("""[{"data":{"images":[]}},{"data":{"error":"in words"}}]""", "in words")]
    [InlineData("""[{"data":{"error":{"type":"t","message":"Prompt refused","details":"seed"}}}]""", "Prompt refused: seed")]
    [InlineData("""[{"data":{"error":{"type":"t"}}}]""", "t")]
    [InlineData("""[{"data":{"error":{}}}]""", null)]
    [InlineData("""[{"data":{"error":null}}]""", null)]
    [InlineData("""[{"data":[1.5]},{},null,3]""", null)]
    [InlineData("""{"data":1}""", null)]
    [InlineData("[]", null)]
    [InlineData("null", null)]
    [InlineData(null, null)]
    public void The_message_is_found_in_every_shape(string? outputs, string? reason) => Assert.Equal(reason, FailureReasons.Reason(Element(outputs)));

    private static JsonElement? Element(string? json) => json is null ? null : JsonDocument.Parse(json).RootElement;

    private int Lists => _test.Handler.Count("GET", "/runs?");

    private int Logs => _test.Handler.Count("GET", "/clickhouse-run-logs/");

    private static ComfyRun Failed(string id, string workflow = "w") => new() { RunId = id, Status = "failed", WorkflowId = workflow };

    private Task FillAsync(params ComfyRun[] runs) => _reasons.FillAsync(runs, default).WaitAsync(ClientUnderTest.Limit);

    private async Task<HttpResponseMessage> Answer(SentRequest request, CancellationToken cancellationToken)
    {
        // Real responses arrive on other threads.
        await Task.Yield();
        if (request.PathAndQuery.Contains("logs", StringComparison.Ordinal)) return LogOf(request.Address.Segments[^1]);
        if (_listsFail) return Reply.Status(500);
        Dictionary<string, string?> query = request.Address.Query.TrimStart('?').Split('&').Select(part => part.Split('=')).ToDictionary(pair => pair[0], pair => (string?)pair[1]);
        IEnumerable<string> rows = _outputsById.Skip(int.Parse(query["offset"]!, CultureInfo.InvariantCulture)).Take(int.Parse(query["limit"]!, CultureInfo.InvariantCulture))
            .Select(run => $$"""{"id":"{{run.Key}}","status":"failed","outputs":{{run.Value}}}""");
        return Reply.Json($"[{string.Join(',', rows)}]");
    }

    private HttpResponseMessage LogOf(string id) => !_logById.TryGetValue(id, out string? lines) ? Reply.Json("""{"detail":"Run not found"}""", 404)
        : Reply.Json($"[{string.Join(',', lines.Split(';').Append("__END__").Select(line => new JsonObject { ["log"] = line }.ToJsonString()))}]");
}
