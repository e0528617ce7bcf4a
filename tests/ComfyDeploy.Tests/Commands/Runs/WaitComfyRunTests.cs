using System.Management.Automation;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Wait-ComfyRun: what it writes, and when.</summary>
public sealed class WaitComfyRunTests : EngineTest
{
    [Fact]
    public void Twelve_runs_are_written_as_they_finish()
    {
        // The slow run is first in the input; it ends only because the other eleven were written and moved the clock.
        EngineRun run = Engine.Run("""
            $runs = & { '#time=290'; foreach ($i in 1..11) { "run $i #time=1" } } | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance([timespan]'00:01:30')
            $n = 0
            $runs | Wait-ComfyRun -Timeout 30s | ForEach-Object { if (++$n -eq 11) { $emulator.Advance([timespan]'01:00:00') }; $_ }
            """);
        Assert.Equal(12, run.Runs.Select(r => r.RunId).Distinct().Count());
        Assert.All(run.Runs, r => Assert.Equal("success", r.Status));
        Assert.Equal(Emulator.Runs[0].RunId, run.Runs[^1].RunId);
    }

    [Fact]
    public void In_order_fast_runs_wait_for_a_slow_one()
    {
        EngineRun run = Engine.Run("""
            $runs = & { '#time=60'; 'b #time=1'; 'c #time=1' } | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance([timespan]'00:00:30')
            $seen = 0
            $runs | Wait-ComfyRun -Timeout 0 -InOrder -ErrorAction Ignore | ForEach-Object { $_ }
            $emulator.Advance([timespan]'01:00:00')
            $runs | Wait-ComfyRun -Timeout 20 -InOrder
            """);
        string?[] ids = [.. Engine.Run("$runs").Runs.Select(r => r.RunId)];
        // The late run of the first wait is written last there, and none after it is lost.
        Assert.Equal([ids[1], ids[2], ids[0], .. ids], run.Runs.Select(r => r.RunId));
    }

    [Fact]
    public void In_order_late_runs_keep_their_place()
    {
        string[] ids = [.. Start([.. Enumerable.Range(0, 8).Select(i => $"#stuck {i}")])];
        // The first response comes last, so that the order is not accidental.
        Emulator.AddFault($"GET /run/{ids[0]} = latency 300ms");
        EngineRun run = Engine.RunWithErrors("$ids | Wait-ComfyRun -Timeout 0 -InOrder", ("ids", ids));
        Assert.Equal(ids, run.Runs.Select(r => r.RunId));
    }

    [Fact]
    public void In_order_a_row_that_was_not_queued_keeps_its_place()
    {
        Emulator.AddFault("POST /run/deployment/queue = 500 body=\"b\"");
        EngineRun run = Engine.Run("""
            $runs = 'a', 'b', 'c' | Start-ComfyRun portrait -InputName prompt -WarningAction Ignore
            $emulator.Advance([timespan]'01:00:00')
            $runs | Wait-ComfyRun -Timeout 20 -InOrder
            """);
        Assert.Equal(["success", "not-queued", "success"], run.Runs.Select(r => r.Status));
    }

    [Fact]
    public void Failed_runs_are_results_with_a_reason()
    {
        IReadOnlyList<string> ids = Start("#fail", "#failearly", "#cancelled", "#timeout");
        LetAllEnd();
        EngineRun run = Engine.Run("$ids | Wait-ComfyRun", ("ids", ids.ToArray()));
        Assert.Equal(["failed", "failed", "cancelled", "timeout"], run.Runs.OrderBy(r => ids.ToList().IndexOf(r.RunId!)).Select(r => r.Status));
        Assert.All(run.Runs.Where(r => r.Status == "failed"), r => Assert.False(string.IsNullOrWhiteSpace(r.Error)));
        Assert.All(run.Runs, r => Assert.Equal((true, false), (r.IsFinished, r.IsSuccess)));
    }

    [Fact]
    public void Reasons_can_be_omitted()
    {
        string id = Start("#fail")[0];
        LetAllEnd();
        Assert.Null(Engine.Run("Wait-ComfyRun $id -SkipErrorDetail", ("id", id)).One<ComfyRun>().Error);
        Assert.DoesNotContain(Emulator.Requests, r => r.Path.EndsWith("/runs", StringComparison.Ordinal));
    }

    [Fact]
    public void Timeout_0_polls_exactly_once()
    {
        IReadOnlyList<string> ids = Start("#stuck", "#fast");
        Emulator.Advance(TimeSpan.FromSeconds(30));
        int before = Emulator.Requests.Count;
        EngineRun run = Engine.RunWithErrors("$ids | Wait-ComfyRun -Timeout 0 -SkipErrorDetail", ("ids", ids.ToArray()));
        Assert.Equal(["success", "not-started"], run.Runs.Select(r => r.Status));
        run.Error("WaitTimeout");
        Assert.Equal(2, Emulator.Requests.Skip(before).Count(r => r.Path.StartsWith("/api/run/", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("-Any", 1)]
    [InlineData("-Count 2", 2)]
    [InlineData("-Count 3", 3)]
    public void The_wait_ends_at_the_required_count(string arguments, int expected)
    {
        IReadOnlyList<string> ids = Start("#stuck", "#fast a", "#fast b", "#fast c");
        LetAllEnd();
        EngineRun run = Engine.Run($"$ids | Wait-ComfyRun {arguments} -Timeout 20", ("ids", ids.ToArray()));
        Assert.Equal(expected, run.Runs.Count);
        Assert.DoesNotContain(run.Runs, r => r.RunId == ids[0]);
    }

    [Fact]
    public void The_required_count_is_its_own_parameter_set() =>
        Assert.Equal("AmbiguousParameterSet", IdOf(Assert.Single(Engine.RunWithErrors("'11111111-0000-4000-8000-000000000000' | Wait-ComfyRun -Any -Count 2").Errors)));

    [Fact]
    public void What_only_the_caller_knows_is_carried_over()
    {
        EngineRun run = Engine.Run("""
            $runs = [pscustomobject]@{ shot = 'a1'; prompt = 'fox' } | Start-ComfyRun -Deployment portrait/staging -LabelColumn shot
            $emulator.Advance([timespan]'01:00:00')
            $runs; $runs | Wait-ComfyRun
            """);
        (ComfyRun before, ComfyRun after) = (run.Runs[0], run.Runs[1]);
        Assert.NotSame(before, after);
        Assert.Equal(("not-started", "success"), (before.Status, after.Status));
        Assert.Equal(("a1", "portrait/staging", before.DeploymentId, "portrait"), (after.Label, after.DeploymentName, after.DeploymentId, after.WorkflowName));
        Assert.Equal("""{"prompt":"fox"}""", after.Inputs!.ToString());
        Assert.NotNull(after.EstimatedCost);
    }

    [Fact]
    public void Waiting_for_a_row_of_a_file_keeps_its_columns()
    {
        string id = Start("fox")[0];
        LetAllEnd();
        ComfyRun run = Engine.Run(
            "[pscustomobject]@{ RunId = $id; DeploymentId = 'd'; DeploymentName = 'p/q'; Label = 'a1'; Status = 'queued' } | Wait-ComfyRun -Connection $again",
            ("id", id),
            ("again", ConnectionTo(Emulator, "again"))).One<ComfyRun>();
        Assert.Equal(("success", "p/q", "a1"), (run.Status, run.DeploymentName, run.Label));
    }

    [Fact]
    public void An_unknown_status_ends_the_wait_when_the_run_has_an_end()
    {
        IReadOnlyList<string> ids = Start("a", "b");
        Emulator.SetStatus(ids[0], "archived", ended: true);
        Emulator.SetStatus(ids[1], "paused");
        EngineRun run = Engine.RunWithErrors("$ids | Wait-ComfyRun -Timeout 0", ("ids", ids.ToArray()));
        Assert.Equal([("archived", true), ("paused", false)], run.Runs.Select(r => (r.Status!, r.IsFinished)));
        Assert.Contains(ids[1], run.Error("WaitTimeout").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_given_twice_is_written_once()
    {
        string id = Start("fox")[0];
        LetAllEnd();
        Assert.Single(Engine.Run("$id, $id.ToUpper() | Wait-ComfyRun", ("id", id)).Objects);
    }

    [Fact]
    public void No_runs_are_not_an_error_unless_requested()
    {
        Assert.Empty(Engine.Run("@() | Wait-ComfyRun").Objects);
        ErrorRecord error = Engine.RunWithErrors("@() | Wait-ComfyRun -ThrowOnFailure").Error("NoRuns");
        Assert.Equal(ErrorCategory.InvalidResult, error.CategoryInfo.Category);
    }

    [Fact]
    public void A_gateway_error_does_not_end_the_wait()
    {
        string id = Start("fox")[0];
        LetAllEnd();
        Emulator.AddFault("GET /run/* = 503 x3");
        Assert.Equal("success", Engine.Run("Wait-ComfyRun $id -Timeout 30", ("id", id)).One<ComfyRun>().Status);
    }

    [Fact]
    public void A_short_wait_shows_no_progress()
    {
        string id = Start("fox")[0];
        LetAllEnd();
        EngineRun run = Engine.Run("Wait-ComfyRun $id", ("id", id));
        Assert.Empty(run.Progress);
        Assert.Empty(run.Information);
    }

    [Fact]
    public void A_longer_wait_shows_progress()
    {
        string id = Start("#stuck=running")[0];
        Emulator.Advance(TimeSpan.FromSeconds(20));
        EngineRun run = Engine.RunWithErrors("Wait-ComfyRun $id -Timeout 2500ms", ("id", id));
        run.Error("WaitTimeout");
        if (Console.IsOutputRedirected)
        {
            // One line for each change, because no progress bar is visible.
            InformationRecord line = Assert.Single(run.Information);
            Assert.Contains($"{id} running", line.ToString(), StringComparison.Ordinal);
            Assert.Equal(["ComfyRun"], line.Tags);
            Assert.Empty(run.Progress);
        }
        else
        {
            Assert.StartsWith("Waiting for 1 run", run.Progress[0].Activity, StringComparison.Ordinal);
            Assert.Matches(@"^0/1 · 1 running · \ds left$", run.Progress[0].StatusDescription);
            Assert.Equal(ProgressRecordType.Completed, run.Progress[^1].RecordType);
            Assert.All(run.Progress.GroupBy(record => record.ActivityId), bar => Assert.Equal(ProgressRecordType.Completed, bar.Last().RecordType));
        }
    }

    [Fact]
    public void Changes_are_reported_with_the_full_id()
    {
        string id = Start("fox")[0];
        LetAllEnd();
        EngineRun run = Engine.Run("Wait-ComfyRun $id -Verbose", ("id", id));
        Assert.Contains($"Run {id}: success.", run.Verbose);
        string labeled = Engine.Run("$run = [pscustomobject]@{ prompt = 'fox'; shot = 'a07' } | Start-ComfyRun portrait -LabelColumn shot; $run").Runs[0].RunId!;
        LetAllEnd();
        Assert.Contains($"Run a07 ({labeled}): success.", Engine.Run("$run.RunId | Wait-ComfyRun -Verbose").Verbose);
    }
}
