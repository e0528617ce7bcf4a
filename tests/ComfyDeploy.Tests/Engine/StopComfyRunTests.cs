namespace ComfyDeploy.Tests.Engine;

/// <summary>Stop-ComfyRun: what is over stays as it is, what is under way is cancelled, and the outcome is told.</summary>
public sealed class StopComfyRunTests : EngineTest
{
    private int Cancels => Emulator.Requests.Count(request => request.Path.EndsWith("/cancel", StringComparison.Ordinal));

    [Fact]
    public void A_run_under_way_is_cancelled_and_a_finished_one_left_alone()
    {
        string[] ids = [.. Start("#fast", "#stuck=running b")];
        LetAllEnd();
        EngineRun run = Engine.Run("$ids | Stop-ComfyRun -PassThru", ("ids", ids));
        Assert.Equal([("AlreadyFinished", "success"), ("Cancelled", "cancelled")], run.All<ComfyStopResult>().Select(r => (r.Outcome, r.Status!)));
        Assert.Equal(1, Cancels);
        Assert.Equal(["success", "cancelled"], Emulator.Runs.Select(r => r.Status));
    }

    [Fact]
    public void Without_PassThru_it_is_silent() => Assert.Empty(Engine.Run("Start-ComfyRun portrait | Stop-ComfyRun").Objects);

    [Fact]
    public void WhatIf_cancels_nothing_and_names_the_run()
    {
        string id = Start("#stuck")[0];
        EngineRun run = Engine.Run("Stop-ComfyRun $id -WhatIf; Stop-ComfyRun $id -Confirm:$false", ("id", id));
        Assert.Contains($"run {id}", run.Shown, StringComparison.Ordinal);
        Assert.Equal(1, Cancels);
    }

    [Theory]
    [InlineData("Continue")]
    [InlineData("Stop")]
    public void One_that_cannot_be_stopped_does_not_save_the_others(string preference)
    {
        string[] ids = [.. Start("#stuck a", "#stuck=running #nocall", "#stuck c")];
        EngineRun run = Engine.RunWithErrors(
            "$ErrorActionPreference = $preference; $ids[0], '11111111-0000-4000-8000-000000000000', $ids[1], $ids[2] | Stop-ComfyRun -PassThru", ("ids", ids), ("preference", preference));
        Assert.Equal(["Cancelled", "NotFound", "NotCancellable", "Cancelled"], run.All<ComfyStopResult>().Select(r => r.Outcome));
        Assert.Equal(preference == "Stop" ? ["RunNotFound"] : ["RunNotFound", "RunNotCancellable"], run.Errors.Select(IdOf));
        Assert.Equal("cancelled", Emulator.Runs[2].Status);
    }

    [Fact]
    public void A_deployment_or_a_word_is_never_a_run_to_stop()
    {
        Start("#stuck");
        Engine.RunWithErrors("Get-ComfyDeployment portrait/staging | Stop-ComfyRun").Error("ParameterArgumentTransformationError");
        Engine.RunWithErrors("Stop-ComfyRun portrait").Error("RunIdInvalid");
        Assert.Equal(0, Cancels);
    }

    [Fact]
    public void What_was_stopped_pipes_on()
    {
        string id = Start("#stuck")[0];
        Assert.Equal("cancelled", Engine.Run("Stop-ComfyRun $id -PassThru | Wait-ComfyRun -Timeout 20", ("id", id)).One<ComfyRun>().Status);
    }
}
