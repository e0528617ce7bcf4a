using System.Diagnostics;
using System.Management.Automation;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Ctrl+C takes effect at once, is not an error, and nothing continues afterwards.</summary>
[Collection(ProcessWide.Name)]
public sealed class StoppingTests : EngineTest
{
    private const int Tries = 3;
    private static readonly TimeSpan Promised = TimeSpan.FromMilliseconds(200);

    public static TheoryData<string, string, string> Cases => new()
    {
        { "a request that is not answered", "GET /run/* = hang always", "Get-ComfyRun $id" },
        { "an answer that stalls in its body", "GET /run/* = stall always", "Get-ComfyRun $id" },
        { "an answer that drips", "GET /run/* = drip 1 always", "Get-ComfyRun $id" },
        { "a pause before another try", "GET /run/* = 503 retry-after=600 always", "Get-ComfyRun $id" },
        { "a wait", "GET /nothing = 500", "Wait-ComfyRun $id" },
        { "a wait whose request is not answered", "GET /run/* = hang always", "Wait-ComfyRun $id -Timeout 0" },
        { "a list", "GET /v2/* = hang always", "Get-ComfyRun" },
        { "a create that is not answered", "POST /run/deployment/queue = hang always", "Start-ComfyRun portrait" },
        { "a create that is asked to come again", "POST /run/deployment/queue = 429 retry-after=600 always", "Start-ComfyRun portrait" },
        { "a look for a lost run", "POST /run/deployment/queue = reset always", "'a', 'b' | Start-ComfyRun portrait -InputName prompt" },
        { "an upload", "POST /file/upload = hang always", "Send-ComfyFile $file" },
        { "a check of a key", "GET /workflows = hang always", "Test-ComfyConnection" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Ctrl_C_ends_the_cmdlet_at_once_and_nothing_continues(string what, string fault, string script)
    {
        Engine.Set("id", Start("#stuck=running")[0]);
        using TemporaryFolder folder = new();
        Engine.Set("file", folder.Write("cat.png", "x"));
        Emulator.AddFault(fault);
        List<TimeSpan> times = [];
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            int before = Emulator.Requests.Count;
            using Underway underway = Engine.Begin(script);
            await UntilAsync(() => Emulator.Requests.Count > before);
            Stopwatch watch = Stopwatch.StartNew();
            await Task.Run(underway.Stop).WaitAsync(EngineFixture.Limit);
            times.Add(watch.Elapsed);
            Assert.Equal(PSInvocationState.Stopped, underway.State);
            Assert.Empty(underway.Errors);
            Assert.Empty(underway.SoFar);
        }
        // The median, so that a busy machine does not matter.
        Assert.True(times.Order().ElementAt(Tries / 2) < Promised, $"{what}: {string.Join(", ", times)}");
    }

    // The work may see Ctrl+C before the thread that waits for it.
    [Fact]
    public void Work_that_Ctrl_C_has_canceled_is_no_error()
    {
        using StoppedCommand command = new();
        OrderedWork<int> work = new();
        work.Add(Task.FromCanceled<int>, command.Stop);
        Assert.Throws<PipelineStoppedException>(() => command.Take(work));
    }

    [Fact]
    public async Task Nothing_polls_afterwards()
    {
        Engine.Set("ids", Start("#stuck a", "#stuck=running b", "#stuck c").ToArray());
        using (Underway underway = Engine.Begin("$ids | Wait-ComfyRun"))
        {
            await UntilAsync(() => Emulator.Requests.Count(request => request.Path.StartsWith("/api/run/", StringComparison.Ordinal)) >= 6);
            await Task.Run(underway.Stop).WaitAsync(EngineFixture.Limit);
        }
        int after = Emulator.Requests.Count;
        // Longer than any pause between two polls of a new run.
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.Equal(after, Emulator.Requests.Count);
    }

    [Fact]
    public async Task An_error_in_the_pipeline_ends_the_polling_too()
    {
        Engine.Set("ids", Start("#fast", "#stuck b", "#stuck c").ToArray());
        LetAllEnd();
        Engine.RunWithErrors("$ids | Wait-ComfyRun | ForEach-Object { throw 'enough' }");
        int after = Emulator.Requests.Count;
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.Equal(after, Emulator.Requests.Count);
    }

    [Fact]
    public async Task Runs_queued_before_an_error_are_known_afterwards()
    {
        Emulator.AddFault("POST /run/deployment/queue = hang body=\"c\"");
        using (Underway underway = Engine.Begin("'a', 'b', 'c' | Start-ComfyRun portrait -InputName prompt"))
        {
            await UntilAsync(() => Count("POST", Queue) == 3 && underway.SoFar.Count == 2);
            await Task.Run(underway.Stop).WaitAsync(EngineFixture.Limit);
        }
        Assert.Equal(Emulator.Runs.Select(r => r.RunId).Reverse(), Engine.Run("Get-ComfyRun -ThisSession").Runs.Select(r => r.RunId));
    }

    [Fact]
    public async Task Ctrl_C_ends_the_wait_for_creates_under_way_after_an_error_upstream()
    {
        Emulator.AddFault("POST /run/deployment/queue = hang after=2 always");
        TaskCompletionSource thrown = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Engine.Set("thrown", new Action(thrown.SetResult));
        using Underway underway = Engine.Begin("& { try { 1..5; throw 'boom' } finally { $thrown.Invoke() } } | Start-ComfyRun portrait -InputName seed");
        await thrown.Task.WaitAsync(EngineFixture.Limit);
        await UntilAsync(() => Count("POST", Queue) == 5);
        // Far less than the 30 s that a request may take here.
        await Task.Run(underway.Stop).WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_run_whose_create_was_stopped_is_known_afterwards()
    {
        Emulator.AddFault("POST /run/deployment/queue = stall");
        using (Underway underway = Engine.Begin("[pscustomobject]@{ prompt = 'a'; shot = 'first' } | Start-ComfyRun portrait -LabelColumn shot"))
        {
            await UntilAsync(() => Emulator.Runs.Count == 1);
            await Task.Run(underway.Stop).WaitAsync(EngineFixture.Limit);
            Assert.Empty(underway.SoFar);
        }
        ComfyRun run = Engine.Run("Get-ComfyRun -ThisSession").One<ComfyRun>();
        Assert.Equal((Emulator.Runs[0].RunId, "first", "portrait/production"), (run.RunId, run.Label, run.DeploymentName));
    }

    private static async Task UntilAsync(Func<bool> happened)
    {
        using CancellationTokenSource limit = new(EngineFixture.Limit);
        while (!happened()) await Task.Delay(TimeSpan.FromMilliseconds(10), limit.Token);
    }

    private sealed class StoppedCommand : ComfyDeployCommand
    {
        public StoppedCommand() => StopProcessing();
    }
}
