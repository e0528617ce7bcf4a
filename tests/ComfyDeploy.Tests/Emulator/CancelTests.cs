using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Emulator;

public sealed class CancelTests : IDisposable
{
    private readonly ComfyEmulator _emulator = ComfyEmulator.Start(new EmulatorOptions { Speed = 0 });
    private readonly EmulatorClient _client;

    public CancelTests() => _client = new EmulatorClient(_emulator);

    public void Dispose()
    {
        _client.Dispose();
        _emulator.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1.5)]
    [InlineData(6)]
    public async Task Cancel_ends_an_active_run_in_its_current_state(double seconds)
    {
        string id = await _client.QueueAsync("#queue=1 #cold=2 #time=10");
        _emulator.Advance(TimeSpan.FromSeconds(seconds));
        JsonNode before = await _client.RunAsync(id);
        Answer answer = await _client.PostAsync($"/run/{id}/cancel");
        Assert.Equal("""{"status":"success","message":"Function cancelled"}""", answer.Text);
        _emulator.Advance(TimeSpan.FromHours(1));
        JsonNode after = await _client.RunAsync(id);
        Assert.Equal("cancelled", after["status"]!.GetValue<string>());
        Assert.NotNull(after["ended_at"]);
        foreach (string kept in new[] { "queued_at", "started_at", "live_status", "progress" }) Assert.Equal(before[kept]?.ToJsonString(), after[kept]?.ToJsonString());
    }

    [Fact]
    public async Task The_slot_of_a_cancelled_run_goes_to_the_next()
    {
        const string Upscale = "00000033-0000-4000-8000-000000000033";
        string first = await _client.QueueAsync("#queue=0 #cold=0 #time=100", Upscale);
        string second = await _client.QueueAsync("#queue=0 #cold=0 #time=100", Upscale);
        _emulator.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("not-started", await _client.StatusAsync(second));
        await _client.PostAsync($"/run/{first}/cancel");
        _emulator.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("running", await _client.StatusAsync(second));
    }

    [Fact]
    public async Task A_finished_run_has_the_status_success_and_never_changes()
    {
        string id = await _client.QueueAsync("#fast");
        _emulator.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(200, (await _client.PostAsync($"/run/{id}/cancel")).Status);
        Assert.Equal("success", await _client.StatusAsync(id));
    }

    [Fact]
    public async Task A_run_that_cannot_be_cancelled_gives_a_500_with_a_404_inside()
    {
        string withoutCall = await _client.QueueAsync("#nocall");
        using EmulatorClient stranger = new(_emulator, _emulator.AddKey("user_neighbour"));
        string foreign = await _client.QueueAsync("x");
        Answer[] answers =
        [
            await _client.PostAsync("/run/00000000-0000-4000-8000-00000000dead/cancel"),
            await _client.PostAsync($"/run/{withoutCall}/cancel"),
            await stranger.PostAsync($"/run/{foreign}/cancel"),
        ];
        foreach (Answer answer in answers)
        {
            Assert.Equal(500, answer.Status);
            Assert.Equal("""{"detail":"Error cancel function 404: Run not found or has no modal function call ID"}""", answer.Text);
        }

        Answer malformed = await _client.PostAsync("/run/abc/cancel");
        Assert.Equal(500, malformed.Status);
        Assert.Contains("invalid UUID 'abc'", malformed.Json["detail"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_day_old_run_that_reads_as_timeout_can_still_be_cancelled()
    {
        string id = await _client.QueueAsync("#stuck");
        _emulator.Advance(TimeSpan.FromHours(25));
        Assert.Equal("timeout", await _client.StatusAsync(id));
        await _client.PostAsync($"/run/{id}/cancel");
        Assert.Equal("cancelled", await _client.StatusAsync(id));
    }
}
