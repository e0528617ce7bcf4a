using ComfyDeploy.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Client;

/// <summary>What a process keeps of the inputs of the runs it queued.</summary>
[Collection(ProcessWide.Name)]
public sealed class RememberedInputsTests
{
    [Fact]
    public async Task A_hundred_images_of_two_megabytes_are_not_kept()
    {
        ApiSession session = new(ClientUnderTest.Connect(), new ForgetfulHandler(), new ManualClock());
        ComfyDeployClient client = new(session, new RecordingLog());
        await StartAsync(client);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < 100; i++) await StartAsync(client);
        long kept = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.Equal(101, session.KnownRuns.Started.Count);
        Assert.True(kept < 40_000_000, $"{kept / 1e6:0.0} MB are kept.");
        GC.KeepAlive(client);
    }

    [Fact]
    public void Short_inputs_are_carried_on()
    {
        ComfyRun run = new() { InputsJson = """{"prompt":"a lighthouse"}""" };
        Assert.Equal(run.InputsJson, RunOrigin.Of(run).InputsJson);
    }

    private static Task<string> StartAsync(ComfyDeployClient client)
    {
        ComfyRun run = new() { DeploymentName = "portrait/production", InputsJson = $$"""{"image":"data:image/png;base64,{{new string('A', 2_000_000)}}"}""" };
        return client.CreateRunAsync(new("d1", "portrait/production", run.InputsJson, null, null, false, RunOrigin.Of(run)), default).WaitAsync(ClientUnderTest.Limit);
    }

    private sealed class ForgetfulHandler : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(Reply.Json($$"""{"run_id":"{{Guid.NewGuid()}}"}"""));
    }
}
