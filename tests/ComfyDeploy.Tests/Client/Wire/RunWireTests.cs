using System.Text.Json;
using System.Text.Json.Nodes;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>One type reads today's runs, the rows of all lists and the first service's runs.</summary>
public sealed class RunWireTests
{
    // What GET /run/{id} of today's service sends.
    private static readonly string[] Fields =
    [
        "id", "workflow_version_id", "workflow_inputs", "workflow_id", "machine_id", "origin", "status", "ended_at", "created_at", "updated_at", "queued_at",
        "started_at", "gpu_event_id", "gpu", "machine_version", "machine_type", "modal_function_call_id", "user_id", "org_id", "live_status", "progress",
        "is_realtime", "webhook", "webhook_status", "webhook_intermediate_status", "outputs", "number", "duration", "cold_start_duration",
        "cold_start_duration_total", "run_duration", "queue_position",
    ];

    private static readonly string[] ListPatterns = ["runs-v2-*.json", "runs-v1-*.json", "deployment-runs-*.json"];

    public static TheoryData<string> RecordedRuns => [.. Recorded.Successes("run-get-*.json").Select(exchange => exchange.Name)];

    public static TheoryData<string> RecordedLists =>
        [.. ListPatterns.SelectMany(Recorded.Successes).Select(exchange => exchange.Name)];

    public static TheoryData<string> ExampleRuns => [.. Directory.GetFiles(Path.Combine(BuiltModule.Fixtures, "examples", "run"), "*.json").Select(file => Path.GetFileName(file))];

    [Fact]
    public void There_are_recorded_runs_and_lists_to_walk()
    {
        Assert.True(RecordedRuns.Count >= 35, $"{RecordedRuns.Count} runs");
        Assert.True(RecordedLists.Count >= 20, $"{RecordedLists.Count} lists");
        Assert.Equal(17, ExampleRuns.Count);
    }

    [Theory]
    [MemberData(nameof(RecordedRuns))]
    public void A_recorded_run_is_read_whole(string name)
    {
        string body = Recorded.Exchange(name).Body;
        JsonObject wire = JsonNode.Parse(body)!.AsObject();
        Assert.Equal(Fields.Order(StringComparer.Ordinal), wire.Select(field => field.Key).Order(StringComparer.Ordinal));
        AssertSame(wire, Recorded.ToRun(body));
    }

    [Theory]
    [MemberData(nameof(ExampleRuns))]
    public void An_example_run_is_read_whole(string file)
    {
        string body = Recorded.Example("run/" + file);
        AssertSame(JsonNode.Parse(body)!.AsObject(), Recorded.ToRun(body));
    }

    [Theory]
    [MemberData(nameof(RecordedLists))]
    public void Each_row_of_a_recorded_list_is_read_whole(string name)
    {
        JsonNode page = JsonNode.Parse(Recorded.Exchange(name).Body)!;
        JsonArray rows = page is JsonObject wrapped ? wrapped["data"]!.AsArray() : page.AsArray();
        List<RunWire> read = page is JsonObject
            ? JsonSerializer.Deserialize(page.ToJsonString(), WireContext.Default.RunPageWire)!.Data!
            : [.. WireJson.ReadRuns(Recorded.Body(page.ToJsonString())).Select(row => row!)];
        Assert.Equal(rows.Count, read.Count);
        foreach ((JsonNode? row, RunWire wire) in rows.Zip(read)) AssertSame(row!.AsObject(), wire.ToRun(ClientUnderTest.Connect()));
    }

    [Fact]
    public void A_run_of_the_first_service_is_read_with_its_graph_and_its_log()
    {
        ComfyRun run = Recorded.ToRun(Recorded.Example("v1/run-on-the-wire.json"));
        Assert.Equal("success", run.Status);
        Assert.Equal(92, run.PercentComplete);
        Assert.Equal("ComfyUI_00001_.png", Assert.Single(run.Outputs!).FileName);
        Assert.Equal("image", run.Outputs![0].Kind);
        Assert.NotNull(run.WorkflowApi);
        object line = Assert.Single(Assert.IsType<object?[]>(run.Log))!;
        Assert.Equal("got prompt", System.Management.Automation.PSObject.AsPSObject(line).Properties["logs"].Value);
        Assert.Equal("""{"workflow":{"org_id":null,"user_id":"user_2hR7kQm4XvT9sLwZ1bNcYfGd8eA"}}""", run.AdditionalProperties!.ToString());
        // The first service tells no durations.
        Assert.Equal(1.333, run.QueueSeconds!.Value, 3);
        Assert.Equal(7.223, run.ColdStartSeconds!.Value, 3);
        Assert.Equal(22.111, run.RunSeconds!.Value, 3);
        Assert.Equal(30.667, run.TotalSeconds!.Value, 3);
    }

    [Theory]
    [InlineData("v1/run-declared-fields.json")]
    [InlineData("v1/run-not-started.json")]
    public void The_other_runs_of_the_first_service_are_read_whole(string file)
    {
        string body = Recorded.Example(file);
        AssertSame(JsonNode.Parse(body)!.AsObject(), Recorded.ToRun(body));
    }

    [Fact]
    public void The_first_service_s_answer_to_a_create_is_read() =>
        Assert.Equal("b0013c5e-4f7a-4d21-9a86-0e5f1c7d0001", JsonSerializer.Deserialize(Recorded.Example("v1/create-run.json"), WireContext.Default.CreatedRunWire)!.RunId);

    [Fact]
    public void Numbers_may_be_text_and_text_may_be_numbers()
    {
        ComfyRun run = Recorded.ToRun("""{"id":7,"progress":"0.5","queue_position":"3","run_duration":"14.448808","duration":2,"is_realtime":"true","webhook_intermediate_status":1}""");
        Assert.Equal("7", run.RunId);
        Assert.Equal(50, run.PercentComplete);
        Assert.Equal(3, run.QueuePosition);
        Assert.Equal(14.448808, run.RunSeconds);
        Assert.Equal(2, run.TotalSeconds);
        Assert.True(run.IsRealtime);
        Assert.True(run.WebhookIntermediateStatus);
    }

    [Fact]
    public void A_run_without_any_field_is_a_run_with_nothing_in_it()
    {
        ComfyRun run = Recorded.ToRun("{}");
        Assert.Null(run.Outputs);
        Assert.False(run.IsFinished);
        Assert.False(run.IsSuccess);
        string[] filled = [.. typeof(ComfyRun).GetProperties().Where(p => p.PropertyType != typeof(bool) && p.GetValue(run) is not null).Select(p => p.Name)];
        Assert.Equal([nameof(ComfyRun.ConnectionName)], filled);
    }

    [Fact]
    public void Unknown_fields_are_kept_and_known_ones_are_not_repeated()
    {
        ComfyRun run = Recorded.ToRun("""{"id":"a","favorite":true,"model_id":null,"nested":{"a":[1,2]}}""");
        Assert.Equal("""{"favorite":true,"model_id":null,"nested":{"a":[1,2]}}""", run.AdditionalProperties!.ToString());
        Assert.Null(Recorded.ToRun("""{"id":"a"}""").AdditionalProperties);
    }

    [Fact]
    public void Of_a_field_that_is_there_twice_the_last_counts() =>
        Assert.Equal("""{"favorite":2}""", Recorded.ToRun("""{"id":"a","favorite":true,"id":"b","favorite":2}""").AdditionalProperties!.ToString());

    [Fact]
    public void The_words_and_fields_of_one_row_are_not_mixed_up_with_those_of_the_next()
    {
        ComfyRun[] runs = [.. WireJson.ReadRuns(Recorded.Body("""
            [{"id":"a","status":"queued","other":"x","gpu":"T4"},{"status":"queued","id":"a","gpu":"T\u0034","other":null},{"id":"T4","status":null,"other":"x","new":"T4","gpu":"queued"},{}]
            """)).Select(row => row!.ToRun(ClientUnderTest.Connect()))];
        Assert.Equal([("a", "queued", "T4"), ("a", "queued", "T4"), ("T4", null, "queued"), (null, null, null)], runs.Select(run => (run.RunId, run.Status, run.Gpu)));
        Assert.Equal(["""{"other":"x"}""", """{"other":null}""", """{"other":"x","new":"T4"}""", null], runs.Select(run => run.AdditionalProperties?.ToString()));
    }

    [Theory]
    [InlineData("2025-10-14T09:12:03.418207Z", 4182070)]
    [InlineData("2025-10-14T09:12:03.418207", 4182070)]
    [InlineData("2025-10-14T11:12:03.418207+02:00", 4182070)]
    [InlineData("2025-10-14T09:12:03.418207+00Z", 4182070)]
    [InlineData("2025-10-14 09:12:03.418", 4180000)]
    [InlineData("1760433123", 0)]
    [InlineData("2025-10-14T09:12:03\\u005a", 0)]
    public void A_time_is_read_in_every_form(string text, int ticks) =>
        Assert.Equal(new DateTime(2025, 10, 14, 9, 12, 3, DateTimeKind.Utc).AddTicks(ticks), Recorded.ToRun($$"""{"created_at":"{{text}}"}""").CreatedAt!.Value.ToUniversalTime());

    [Theory]
    [InlineData("\"2.113338\"", 2.113338)]
    [InlineData("2.113338", 2.113338)]
    [InlineData("\" 2.5 \"", 2.5)]
    [InlineData("\"2\\u002e5\"", 2.5)]
    [InlineData("\"2.5x\"", null)]
    [InlineData("\"\"", null)]
    [InlineData("\"Infinity\"", null)]
    [InlineData("\"NaN\"", null)]
    public void A_number_may_be_text(string json, double? seconds) => Assert.Equal(seconds, Recorded.ToRun($$"""{"run_duration":{{json}}}""").RunSeconds);

    [Fact]
    public void An_unknown_status_is_kept_as_it_is() => Assert.Equal("Paused by operator", Recorded.ToRun("""{"status":"Paused by operator"}""").Status);

    private static void AssertSame(JsonObject wire, ComfyRun run)
    {
        Assert.Equal(Text(wire, "id"), run.RunId);
        Assert.Equal(Text(wire, "status"), run.Status);
        Assert.Equal(Text(wire, "gpu"), run.Gpu);
        Assert.Equal(Text(wire, "workflow_id"), run.WorkflowId);
        Assert.Equal(Text(wire, "workflow_version_id"), run.WorkflowVersionId);
        Assert.Equal(Text(wire, "machine_id"), run.MachineId);
        Assert.Equal(Text(wire, "machine_type"), run.MachineType);
        Assert.Equal(Text(wire, "machine_version"), run.MachineVersion);
        Assert.Equal(Text(wire, "modal_function_call_id"), run.FunctionCallId);
        Assert.Equal(Text(wire, "gpu_event_id"), run.GpuEventId);
        Assert.Equal(Text(wire, "user_id"), run.UserId);
        Assert.Equal(Text(wire, "org_id"), run.OrgId);
        Assert.Equal(Text(wire, "origin"), run.Origin);
        Assert.Equal(Text(wire, "batch_id"), run.BatchId);
        Assert.Equal(Text(wire, "deployment_id"), run.DeploymentId);
        Assert.Equal(Text(wire, "live_status"), run.LiveStatus);
        Assert.Equal(Text(wire, "webhook"), run.Webhook);
        Assert.Equal(Text(wire, "webhook_status"), run.WebhookStatus);
        foreach ((string field, DateTime? time) in new[] { ("created_at", run.CreatedAt), ("queued_at", run.QueuedAt), ("started_at", run.StartedAt), ("ended_at", run.EndedAt), ("updated_at", run.UpdatedAt) })
        {
            Assert.Equal(wire[field] is not null, time is not null);
            if (time is { } local) Assert.Equal(DateTimeKind.Local, local.Kind);
        }
        foreach ((string field, double? seconds) in new[] { ("run_duration", run.RunSeconds), ("duration", run.TotalSeconds), ("cold_start_duration", run.ColdStartSeconds), ("comfy_deploy_cold_start", run.QueueSeconds) })
        {
            if (wire[field] is { } sent) Assert.Equal(double.Parse(sent.ToString(), System.Globalization.CultureInfo.InvariantCulture), seconds);
        }
        if (wire["workflow_inputs"] is JsonObject inputs) Assert.True(InputComparison.AreSame(inputs.ToJsonString(), run.Inputs!.ToString()));
        Assert.Equal(wire["outputs"] is null ? null : FileCount(wire), run.Outputs?.Count(output => output.Url is not null));
    }

    private static int FileCount(JsonObject wire) => wire["outputs"] is not JsonArray rows ? 0 : rows
        .Select(row => row!["data"]).OfType<JsonObject>().SelectMany(data => data).Select(list => list.Value).OfType<JsonArray>()
        .SelectMany(items => items).Count(item => item is JsonObject file && file["url"] is not null);

    private static string? Text(JsonObject wire, string field) => wire[field]?.ToString();
}
