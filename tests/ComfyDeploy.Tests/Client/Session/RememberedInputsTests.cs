using ComfyDeploy.Client;
using ComfyDeploy.Commands;
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
    public async Task A_wait_does_not_hold_the_images_of_its_runs_once_they_were_read()
    {
        ManualClock clock = new() { Runs = false };
        string status = "running";
        ScriptedHandler handler = new(request => request.IsShared ? Reply.Status(404)
            : Reply.Json(ClientUnderTest.RunJson(request.Address.Segments[^1], status, """{"image":"https://files.test/1.png"}""")));
        ComfyDeployClient client = new ClientUnderTest(handler, clock).Client;
        using RunWait wait = new(new(TimeSpan.FromHours(1), KeepOrder: false, ReadErrorDetail: false, RequiredCount: null), new RecordingLog(), CancellationToken.None);
        Add(wait, client, "first");
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < 100; i++) Add(wait, client, $"run{i}");
        long kept = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.Equal(101, wait.Live.Count);
        Assert.True(kept < 40_000_000, $"{kept / 1e6:0.0} MB are kept.");
        status = "success";
        clock.Advance(TimeSpan.FromSeconds(2));
        while (await wait.NextAsync().WaitAsync(ClientUnderTest.Limit)) { }
        IReadOnlyList<ComfyRun> ended = wait.TakeReady();
        Assert.Equal(101, ended.Count);
        Assert.All(ended, run => Assert.Equal(("portrait/production", """{"image":"https://files.test/1.png"}"""), (run.DeploymentName, run.InputsJson)));
    }

    [Fact]
    public void A_run_that_could_not_be_read_keeps_its_inputs()
    {
        ManualClock clock = new() { Runs = false };
        ComfyDeployClient client = new ClientUnderTest(new ScriptedHandler(() => Reply.Status(503)), clock).Client;
        using RunWait wait = new(new(TimeSpan.FromHours(1), KeepOrder: false, ReadErrorDetail: false, RequiredCount: null), new RecordingLog(), CancellationToken.None);
        ComfyRun run = Run("a");
        wait.Add(new(run.RunId!, client, run, RunOrigin.Of(run)));
        Assert.Same(run, Assert.Single(wait.TakePending()));
    }

    [Fact]
    public void Short_inputs_are_carried_on()
    {
        ComfyRun run = new() { InputsJson = """{"prompt":"a lighthouse"}""" };
        Assert.Equal(run.InputsJson, RunOrigin.Of(run).InputsJson);
    }

    private static Task<string> StartAsync(ComfyDeployClient client)
    {
        ComfyRun run = Run(null);
        return client.CreateRunAsync(new(new DeploymentTarget("d1", "portrait/production"), run.InputsJson!, null, null, false, RunOrigin.Of(run)), default).WaitAsync(ClientUnderTest.Limit);
    }

    private static void Add(RunWait wait, ComfyDeployClient client, string id)
    {
        ComfyRun run = Run(id);
        wait.Add(new(id, client, run, RunOrigin.Of(run)));
    }

    private static ComfyRun Run(string? id) => new()
    {
        RunId = id,
        Status = "not-started",
        DeploymentName = "portrait/production",
        InputsJson = $$"""{"image":"data:image/png;base64,{{new string('A', 2_000_000)}}"}""",
    };

    private sealed class ForgetfulHandler : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(Reply.Json($$"""{"run_id":"{{Guid.NewGuid()}}"}"""));
    }
}
