using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Runs that are queued, or are to be stopped, are not lost when something else fails.</summary>
public sealed class NothingPaidForIsLostTests() : EngineTest(speed: 100)
{
    [Theory]
    [InlineData("Start-ComfyRun -Deployment portrait -Wait -Timeout 10m")]
    [InlineData("Start-ComfyRun -Deployment portrait | Wait-ComfyRun -Timeout 10m -StopOnTimeout")]
    public void What_was_queued_before_the_credits_ran_out_is_waited_for(string pipeline)
    {
        Emulator.AddFault("POST /run/deployment/queue = 402 after=3 always");
        EngineRun run = Engine.RunWithErrors($"1..5 | ForEach-Object {{ @{{ prompt = '#fast'; seed = $_ }} }} | {pipeline}");
        Assert.Equal(ErrorIds.LimitReached, IdOf(Assert.Single(run.Errors)));
        Assert.Equal(Emulator.Runs.Select(r => r.RunId).Order(), run.Runs.Select(r => r.RunId).OfType<string>().Order());
        Assert.Equal(["not-queued", "not-queued", "success", "success", "success"], run.Runs.Select(r => r.Status).Order());
    }

    [Theory]
    [InlineData("Start-ComfyRun -Deployment portrait -Wait -Timeout 10m")]
    [InlineData("Start-ComfyRun -Deployment portrait | Wait-ComfyRun -Timeout 10m")]
    public void What_was_queued_before_the_key_was_rejected_is_waited_for(string pipeline)
    {
        Emulator.AddFault("POST /run/deployment/queue = 401 after=2 always");
        EngineRun run = Engine.RunWithErrors($"1..4 | ForEach-Object {{ @{{ prompt = '#fast'; seed = $_ }} }} | {pipeline}");
        Assert.Equal(ErrorIds.ApiKeyRejected, IdOf(Assert.Single(run.Errors)));
        Assert.Equal(["not-queued", "not-queued", "success", "success"], run.Runs.Select(r => r.Status).Order());
    }

    [Fact]
    public void No_row_is_queued_after_the_deadline()
    {
        EngineRun run = Engine.RunWithErrors(
            "1..3 | ForEach-Object { if ($_ -eq 3) { $emulator.Advance('00:01:00'); $pause.Invoke() }; @{ prompt = '#stuck'; seed = $_ } } | Start-ComfyRun -Deployment portrait -Wait -Timeout 0",
            ("pause", new Action(() => Assert.True(SpinWait.SpinUntil(() => Emulator.Runs.Count == 1, EngineFixture.Limit)))));
        Assert.Single(Emulator.Runs);
        Assert.Equal(["not-queued", "not-queued", "not-started"], run.Runs.Select(r => r.Status).Order());
        Assert.All(run.Errors, error => Assert.Equal(ErrorIds.WaitTimeout, IdOf(error)));
    }

    [Fact]
    public void Start_with_Wait_and_Repeat_waits_for_the_other_repeats_of_a_rejected_one()
    {
        Emulator.AddFault("POST /run/deployment/queue = 422 after=2");
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait @{ prompt = '#fast' } -Repeat 6 -Wait -ErrorAction Stop");
        Assert.Equal(5, run.Runs.Count);
        Assert.All(run.Runs, r => Assert.True(r.IsFinished));
        Assert.Equal(ErrorIds.InvalidInput, IdOf(Assert.Single(run.Errors)));
    }

    [Fact]
    public void A_connection_closed_between_rows_ends_the_cmdlet_after_the_rows_already_queued()
    {
        EngineRun run = Engine.RunWithErrors("1..3 | ForEach-Object { if ($_ -eq 2) { Disconnect-ComfyDeploy $c }; @{ prompt = '#slow'; seed = $_ } } | Start-ComfyRun -Deployment portrait");
        Assert.Equal(ErrorIds.NotConnected, IdOf(Assert.Single(run.Errors)));
        Assert.Equal(Assert.Single(Emulator.Runs).RunId, Assert.Single(run.Runs).RunId);
    }

    [Fact]
    public void Runs_to_stop_are_stopped_when_the_pipeline_fails()
    {
        string[] ids = [.. Engine.Run("1..4 | ForEach-Object { @{ prompt = '#stuck' } } | Start-ComfyRun -Deployment portrait").Runs.Select(r => r.RunId!)];
        Emulator.AddFault("GET /run/* = latency 300ms always");
        Engine.RunWithErrors("& { $ids; throw 'boom' } | Stop-ComfyRun", ("ids", ids));
        Assert.All(Emulator.Runs, r => Assert.Equal("cancelled", r.Status));
    }

    [Fact]
    public void An_unknown_id_does_not_prevent_stopping_the_others()
    {
        string[] ids = [.. Engine.Run("1..4 | ForEach-Object { @{ prompt = '#stuck' } } | Start-ComfyRun -Deployment portrait").Runs.Select(r => r.RunId!)];
        EngineRun run = Engine.RunWithErrors("$ErrorActionPreference = 'Stop'; $ids | Get-ComfyRun | Stop-ComfyRun", ("ids", (string[])[ids[0], ids[1], Guid.NewGuid().ToString(), ids[2], ids[3]]));
        Assert.Equal(ErrorIds.RunNotFound, IdOf(Assert.Single(run.Errors)));
        Assert.All(Emulator.Runs, r => Assert.Equal("cancelled", r.Status));
    }

    [Fact]
    public void A_run_belongs_to_the_connection_that_queued_it()
    {
        using ComfyDeploy.Emulator.ComfyEmulator other = ComfyDeploy.Emulator.ComfyEmulator.Start();
        EngineRun run = Engine.Run(
            "Connect-ComfyDeploy $key -BaseUri $uri -Name other; Get-ComfyDeployment portrait/production | Start-ComfyRun -Connection other -Inputs @{ prompt = 'x' }; Disconnect-ComfyDeploy other",
            ("key", other.ApiKey), ("uri", other.BaseUri));
        Assert.Equal("other", Assert.Single(run.Runs).ConnectionName);
        Assert.Equal(Assert.Single(other.Runs).RunId, run.Runs[0].RunId);
    }

    [Fact]
    public void Pages_grow_when_rows_are_filtered_on_the_client()
    {
        Engine.Run("$null = 1..12 | ForEach-Object { @{ prompt = 'x' } } | Start-ComfyRun -Deployment portrait");
        Assert.Empty(Engine.Run("Get-ComfyRun -Workflow portrait -First 1 -Gpu X").Objects);
        // 1, 2, 4, 8.
        Assert.Equal(4, Emulator.Requests.Count(request => request.Path.StartsWith("/api/v2/workflow/", StringComparison.Ordinal)));
    }
}
