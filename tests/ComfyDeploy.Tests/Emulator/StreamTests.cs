using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Emulator;

/// <summary>The stream of status changes, compared with recorded ones.</summary>
public sealed class StreamTests : IDisposable
{
    private const string WorkflowId = "00000020-0000-4000-8000-000000000020";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly ComfyEmulator _emulator = ComfyEmulator.Start(new() { Speed = 0 });
    private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };

    public StreamTests() => _http.DefaultRequestHeaders.Authorization = new("Bearer", _emulator.ApiKey.Reveal());

    public void Dispose()
    {
        _http.Dispose();
        _emulator.Dispose();
    }

    [Fact]
    public async Task The_stream_of_a_workflow_announces_what_the_recorded_one_does_and_goes_on()
    {
        using StreamReader stream = await OpenAsync($"workflow_id={WorkflowId}");
        JsonObject[] opening = [await NextAsync(stream), await NextAsync(stream)];
        JsonObject[] recorded = Recorded("workflow");
        Assert.Equal(recorded.Take(2).Select(Keys), opening.Select(Keys));
        string id = Campaign.ScenarioRunner.Queue(_emulator, "fox");
        _emulator.Advance(TimeSpan.FromMinutes(1));
        List<JsonObject> frames = [];
        while (frames.LastOrDefault()?["status"]?.GetValue<string>() != "success") frames.Add(await NextAsync(stream));
        Assert.All(frames, frame => Assert.Equal(Keys(recorded[2]), Keys(frame)));
        Assert.All(frames, frame => Assert.Equal(id, frame["run_id"]!.GetValue<string>()));
        // Today's worker no longer announces the upload; the recorded run has two outputs.
        IEnumerable<string?> expected = recorded.Skip(2).Select(Status).Where(status => status != "uploading").Distinct();
        Assert.Equal(["input", .. expected], frames.Select(Status).Distinct());
        Campaign.ScenarioRunner.Queue(_emulator, "bear");
        Assert.Equal("input", Status(await NextAsync(stream)));
    }

    [Fact]
    public async Task The_stream_of_a_run_relays_another_run_and_ends_with_it()
    {
        string slow = Campaign.ScenarioRunner.Queue(_emulator, "fox #stuck");
        using StreamReader stream = await OpenAsync($"run_id={slow}");
        await NextAsync(stream);
        await NextAsync(stream);
        string other = Campaign.ScenarioRunner.Queue(_emulator, "bear");
        _emulator.Advance(TimeSpan.FromMinutes(1));
        string rest = await stream.ReadToEndAsync().WaitAsync(Limit);
        Assert.Contains(other, rest, StringComparison.Ordinal);
        Assert.DoesNotContain(slow, rest, StringComparison.Ordinal);
        Assert.Equal("success", Recorded("run-with-other-run").Select(Status).Last());
        Assert.Contains("\"status\": \"success\"", rest.Split("\n\n")[^2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancel_is_announced_without_a_status()
    {
        string id = Campaign.ScenarioRunner.Queue(_emulator, "fox #time=100");
        _emulator.Advance(TimeSpan.FromSeconds(20));
        using StreamReader stream = await OpenAsync($"run_id={id}");
        await NextAsync(stream);
        await NextAsync(stream);
        using HttpResponseMessage cancelled = await _http.PostAsync(new Uri($"{_emulator.BaseUri}/run/{id}/cancel"), null);
        cancelled.EnsureSuccessStatusCode();
        JsonObject frame = await NextAsync(stream);
        JsonObject recorded = Recorded("cancel")[^1];
        Assert.Null(frame["status"]);
        Assert.Null(recorded["status"]);
        Assert.Equal(recorded["progress"]!.ToJsonString(), frame["progress"]!.ToJsonString());
    }

    [Theory]
    [InlineData("none-400", "")]
    [InlineData("two-400", $"run_id={WorkflowId}&workflow_id={WorkflowId}")]
    [InlineData("unknown", "run_id=00000000-0000-4000-8000-00000000dead")]
    public async Task Refusals_are_the_recorded_ones(string fixture, string query)
    {
        JsonNode recorded = Read(fixture);
        using HttpResponseMessage response = await _http.GetAsync(new Uri($"{_emulator.BaseUri}/v2/stream-progress?{query}"));
        Assert.Equal(recorded["status"]!.GetValue<int>(), (int)response.StatusCode);
        using StreamReader body = new(await response.Content.ReadAsStreamAsync());
        Assert.Equal(recorded["body"]!.GetValue<string>(), await body.ReadToEndAsync());
    }

    [Fact]
    public async Task A_client_that_leaves_frees_its_connection()
    {
        using (StreamReader stream = await OpenAsync($"workflow_id={WorkflowId}")) await NextAsync(stream);
        Campaign.ScenarioRunner.Queue(_emulator, "fox");
        using StreamReader again = await OpenAsync($"workflow_id={WorkflowId}");
        Assert.Equal("connection_established", (await NextAsync(again))["type"]!.GetValue<string>());
    }

    private async Task<StreamReader> OpenAsync(string query)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, new Uri($"{_emulator.BaseUri}/v2/stream-progress?{query}"));
        HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).WaitAsync(Limit);
        Assert.Equal(new MediaTypeHeaderValue("text/event-stream", "utf-8"), response.Content.Headers.ContentType);
        return new(await response.Content.ReadAsStreamAsync());
    }

    private static async Task<JsonObject> NextAsync(StreamReader stream)
    {
        string? line = await stream.ReadLineAsync().WaitAsync(Limit);
        Assert.Equal("", await stream.ReadLineAsync().WaitAsync(Limit));
        return JsonNode.Parse(line!["data: ".Length..])!.AsObject();
    }

    private static string Keys(JsonObject frame) => string.Join(", ", frame.Select(member => member.Key));

    private static string? Status(JsonObject frame) => frame["status"]?.GetValue<string>();

    private static JsonNode Read(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(BuiltModule.Fixtures, "streams", $"stream-progress-{name}.json")))!;

    private static JsonObject[] Recorded(string name) =>
    [
        .. Read(name)["chunks"]!.AsArray().SelectMany(chunk => chunk!["text"]!.GetValue<string>().Split("\n\n"))
            .Where(frame => frame.StartsWith("data: ", StringComparison.Ordinal)).Select(frame => JsonNode.Parse(frame["data: ".Length..])!.AsObject()),
    ];
}
