using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Emulator;

public sealed class LifeCycleTests : IDisposable
{
    private const string AnyTiming = "#queue=1 #cold=2 #time=10";
    private readonly ComfyEmulator _emulator = ComfyEmulator.Start(new EmulatorOptions { Speed = 0 });
    private readonly EmulatorClient _client;

    public LifeCycleTests() => _client = new EmulatorClient(_emulator);

    public void Dispose()
    {
        _client.Dispose();
        _emulator.Dispose();
    }

    [Fact]
    public async Task A_run_moves_through_its_states_over_time()
    {
        string id = await _client.QueueAsync("a red apple " + AnyTiming);
        List<string> seen = [await _client.StatusAsync(id)];
        foreach (double seconds in new[] { 1.0, 2.0, 1.0, 8.0, 1.0 })
        {
            _emulator.Advance(TimeSpan.FromSeconds(seconds));
            seen.Add(await _client.StatusAsync(id));
        }

        Assert.Equal(["not-started", "queued", "started", "running", "running", "success"], seen);
    }

    [Fact]
    public async Task Times_and_durations_are_consistent_at_the_end()
    {
        string id = await _client.QueueAsync("x " + AnyTiming);
        JsonNode early = await _client.RunAsync(id);
        Assert.Null(early["queued_at"]);
        Assert.Null(early["duration"]);
        Assert.Null(early["gpu_event_id"]);
        Assert.StartsWith("fc-", early["modal_function_call_id"]!.GetValue<string>(), StringComparison.Ordinal);

        _emulator.Advance(TimeSpan.FromMinutes(1));
        JsonNode run = await _client.RunAsync(id);
        Assert.Equal(13, run["duration"]!.GetValue<double>(), 3);
        Assert.Equal(2, run["cold_start_duration"]!.GetValue<double>(), 3);
        Assert.Equal(3, run["cold_start_duration_total"]!.GetValue<double>(), 3);
        Assert.Equal(10, run["run_duration"]!.GetValue<double>(), 3);
        Assert.Equal(run["ended_at"]!.GetValue<string>(), run["updated_at"]!.GetValue<string>());
        Assert.StartsWith("Executing ", run["live_status"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_reads_as_ended_has_its_outputs()
    {
        // Time passes at every read of the clock, so that runs end between any two reads of one request.
        int reads = 0;
        using ComfyEmulator emulator = ComfyEmulator.Start(new EmulatorOptions { Elapsed = () => TimeSpan.FromSeconds(Interlocked.Increment(ref reads)) });
        using EmulatorClient client = new(emulator);
        for (int i = 0; i < 20; i++)
        {
            string id = await client.QueueAsync($"x #queue=0 #cold=0 #time={100 + i}");
            JsonNode run;
            do run = await client.RunAsync(id);
            while (run["status"]!.GetValue<string>() != "success");
            Assert.Single(run["outputs"]!.AsArray());
        }
    }

    [Fact]
    public async Task Progress_grows_and_is_a_32_bit_number()
    {
        string id = await _client.QueueAsync("x #queue=0 #cold=0 #time=100");
        double last = 0;
        for (int i = 0; i < 5; i++)
        {
            _emulator.Advance(TimeSpan.FromSeconds(15));
            double progress = (await _client.RunAsync(id))["progress"]!.GetValue<double>();
            Assert.True(progress > last && progress <= 1);
            Assert.Equal((float)progress, progress);
            last = progress;
        }
    }

    [Theory]
    [InlineData("#fail", "failed")]
    [InlineData("#failearly", "failed")]
    [InlineData("#timeout", "timeout")]
    [InlineData("#cancelled", "cancelled")]
    [InlineData("#stuck", "not-started")]
    [InlineData("#stuck=queued", "queued")]
    [InlineData("#stuck=started", "started")]
    [InlineData("#stuck=running", "running")]
    [InlineData("#unknown", "archived")]
    [InlineData("#time=100000", "timeout")]
    [InlineData("#nooutput", "success")]
    public async Task A_tag_decides_how_a_run_proceeds(string tag, string status)
    {
        string id = await _client.QueueAsync("x " + tag);
        _emulator.Advance(TimeSpan.FromHours(2));
        JsonNode run = await _client.RunAsync(id);
        Assert.Equal(status, run["status"]!.GetValue<string>());
        Assert.Empty(run["outputs"]!.AsArray());
        bool ends = status is "failed" or "timeout" or "cancelled" or "success";
        Assert.Equal(ends, run["ended_at"] is not null);
    }

    [Fact]
    public async Task The_error_of_a_failed_run_is_in_the_raw_list_only()
    {
        string failed = await _client.QueueAsync("#fail");
        string refused = await _client.QueueAsync("#failearly");
        _emulator.Advance(TimeSpan.FromMinutes(1));
        JsonArray rows = (await _client.GetAsync("/workflow/00000020-0000-4000-8000-000000000020/runs")).Json.AsArray();
        JsonNode Row(string id) => rows.Single(row => row!["id"]!.GetValue<string>() == id)!;
        Assert.Contains("CUDA out of memory", Row(failed)["outputs"]![0]!["data"]!["exception_message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.NotNull(Row(refused)["outputs"]![0]!["data"]!["error"]);
        Assert.Empty((await _client.RunAsync(failed))["outputs"]!.AsArray());
    }

    [Fact]
    public async Task A_machine_executes_as_many_runs_as_it_has_slots()
    {
        List<string> ids = [];
        for (int i = 0; i < 4; i++) ids.Add(await _client.QueueAsync("#queue=0 #cold=1 #time=10"));
        _emulator.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["running", "running", "not-started", "not-started"], await StatusesAsync(ids));
        _emulator.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(["success", "success", "running", "running"], await StatusesAsync(ids));
        JsonNode third = await _client.RunAsync(ids[2]);
        JsonNode first = await _client.RunAsync(ids[0]);
        Assert.Equal(first["ended_at"]!.GetValue<string>(), third["queued_at"]!.GetValue<string>());
    }

    [Fact]
    public async Task Queue_position_counts_those_before()
    {
        List<string> ids = [];
        for (int i = 0; i < 3; i++)
        {
            ids.Add(await _client.QueueAsync("#stuck"));
            _emulator.Advance(TimeSpan.FromSeconds(1));
        }

        for (int i = 0; i < 3; i++) Assert.Equal(i, (await _client.RunAsync(ids[i], "?queue_position=true"))["queue_position"]!.GetValue<int>());
        Assert.Null((await _client.RunAsync(ids[1]))["queue_position"]);
    }

    [Fact]
    public async Task A_day_later_a_run_reads_as_timeout_without_an_end()
    {
        string id = await _client.QueueAsync("#stuck");
        _emulator.Advance(TimeSpan.FromHours(25));
        JsonNode run = await _client.RunAsync(id);
        Assert.Equal("timeout", run["status"]!.GetValue<string>());
        Assert.Null(run["ended_at"]);
        JsonNode row = (await _client.GetAsync($"/deployment/{EmulatorClient.Portrait}/runs")).Json["data"]![0]!;
        Assert.Equal("not-started", row["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_rejected_create_leaves_a_failed_row()
    {
        Answer answer = await _client.PostAsync("/run/deployment/queue", $$"""{"deployment_id":"{{EmulatorClient.Portrait}}","inputs":{"prompt":"#createfail"} }""");
        Assert.Equal(500, answer.Status);
        EmulatorRun row = Assert.Single(_emulator.Runs);
        Assert.Equal("failed", row.Status);
        Assert.Null((await _client.RunAsync(row.RunId))["ended_at"]);
    }

    [Fact]
    public async Task Any_status_can_be_set_on_a_run_and_stays()
    {
        string id = await _client.QueueAsync("x");
        _emulator.SetStatus(id, "hibernating");
        _emulator.Advance(TimeSpan.FromHours(30));
        Assert.Equal("hibernating", await _client.StatusAsync(id));
        _emulator.SetStatus(id, "evaporated", ended: true);
        Assert.NotNull((await _client.RunAsync(id))["ended_at"]);
    }

    [Fact]
    public async Task Equal_seeds_give_equal_runs()
    {
        using ComfyEmulator other = ComfyEmulator.Start(new EmulatorOptions { Speed = 0 });
        using EmulatorClient client = new(other);
        Assert.Equal(await _client.QueueAsync("x"), await client.QueueAsync("x"));
    }

    private async Task<List<string>> StatusesAsync(IEnumerable<string> ids)
    {
        List<string> statuses = [];
        foreach (string id in ids) statuses.Add(await _client.StatusAsync(id));
        return statuses;
    }
}
