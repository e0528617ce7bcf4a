using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun -MaxInFlight: how many runs of a call are unfinished at the same time, and what ends its queueing.</summary>
public sealed class StartComfyRunMaxInFlightTests : EngineTest
{
    private static readonly string[] Ended = ["success", "failed", "cancelled", "timeout"];

    [Fact]
    public void A_run_is_queued_when_another_one_has_ended_and_never_before()
    {
        using Underway underway = Engine.Begin("1..5 | Start-ComfyRun portrait -InputName seed -MaxInFlight 2 | Wait-ComfyRun");
        for (int round = 1; round <= 3; round++)
        {
            Until(() => Emulator.Runs.Count == Math.Min(2 * round, 5));
            Assert.True(Unfinished <= 2, $"{Unfinished} runs are unfinished.");
            LetAllEnd();
        }
        EngineRun run = underway.Finish();
        Assert.Equal(["success"], run.Runs.Select(r => r.Status).Distinct());
        Assert.Equal(5, run.Runs.Select(r => r.RunId).Distinct().Count());
        Assert.Empty(run.Errors);
    }

    [Fact]
    public void Rows_after_the_timeout_are_not_queued_and_the_runs_go_on()
    {
        EngineRun run = Engine.RunWithErrors("1..4 | Start-ComfyRun portrait -InputName seed -MaxInFlight 1 -Timeout 1");
        Assert.Equal(["not-started", "not-queued", "not-queued", "not-queued"], run.Runs.Select(r => r.Status));
        Assert.Equal("WaitTimeout", IdOf(Assert.Single(run.Errors)));
        Assert.Equal("not-started", Assert.Single(Emulator.Runs).Status);
    }

    [Fact]
    public void Runs_in_flight_at_the_timeout_are_cancelled_on_request()
    {
        Engine.RunWithErrors("1..4 | Start-ComfyRun portrait -InputName seed -MaxInFlight 2 -Timeout 1 -StopOnTimeout");
        Assert.Equal(["cancelled", "cancelled"], Emulator.Runs.Select(r => r.Status));
    }

    [Fact]
    public void A_wait_behind_that_has_enough_ends_the_queueing_without_an_error()
    {
        using Underway underway = Engine.Begin("1..6 | Start-ComfyRun portrait -InputName seed -MaxInFlight 1 -OutVariable started | Wait-ComfyRun -Count 2");
        foreach (int runs in (int[])[1, 2])
        {
            Until(() => Emulator.Runs.Count == runs);
            LetAllEnd();
        }
        EngineRun run = underway.Finish();
        Assert.Equal(["success", "success"], run.Runs.Select(r => r.Status));
        Assert.Empty(run.Errors);
        Assert.Empty(run.Warnings);
        // One may be queued before the wait has read the second end.
        Assert.InRange(Emulator.Runs.Count, 2, 3);
        IReadOnlyList<ComfyRun> started = Engine.Run("$started").Runs;
        Assert.Equal(6, started.Count);
        Assert.All(started.Where(r => r.RunId is null), r => Assert.Contains("2 finished runs", r.Error, StringComparison.Ordinal));
    }

    [Fact]
    public void The_deadline_of_a_wait_behind_ends_the_queueing()
    {
        EngineRun run = Engine.RunWithErrors("1..4 | Start-ComfyRun portrait -InputName seed -MaxInFlight 1 | Wait-ComfyRun -Timeout 3 -StopOnTimeout");
        Assert.Equal("cancelled", Assert.Single(Emulator.Runs).Status);
        Assert.Equal(4, run.Runs.Count);
        Assert.Equal(3, run.Runs.Count(r => r.Status == "not-queued"));
        Assert.Equal(["WaitTimeout", "WaitTimeout"], run.Errors.Select(IdOf));
    }

    [Fact]
    public void A_slow_command_behind_leaves_no_slot_empty()
    {
        // The command behind holds the pipeline at its first object until runs far behind that one have been queued.
        Engine.Set("hold", new Action(() => Until(() =>
        {
            LetAllEnd();
            return Emulator.Runs.Count == 1 + 2 + 8;
        })));
        EngineRun run = Engine.Run("""
            1..11 | Start-ComfyRun portrait -InputName seed -MaxInFlight 2 | ForEach-Object { if ($_.Inputs.seed -eq 2) { $hold.Invoke() }; $_ }
            """);
        Assert.Equal(11, run.Runs.Count);
    }

    [Theory]
    [InlineData("-Timeout 5")]
    [InlineData("-StopOnTimeout")]
    public void What_bounds_a_wait_needs_one(string option) =>
        Assert.Equal("ParametersConflict", IdOf(Assert.Single(Engine.RunWithErrors($"Start-ComfyRun portrait {option}").Errors)));

    private int Unfinished => Emulator.Runs.Count(run => !Ended.Contains(run.Status));

    private static void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, EngineFixture.Limit));
}
