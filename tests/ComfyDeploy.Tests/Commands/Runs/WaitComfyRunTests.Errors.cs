using System.Management.Automation;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Wait-ComfyRun with failures: all objects first, then one error of each kind.</summary>
public sealed class WaitComfyRunErrorTests : EngineTest
{
    private const string Nobody = "11111111-0000-4000-8000-000000000000";

    [Theory]
    [InlineData("Continue")]
    [InlineData("Stop")]
    public void When_three_of_six_are_late_all_six_are_written_before_one_error(string preference)
    {
        IReadOnlyList<string> ids = Start("#stuck a", "#fast b", "#stuck=running c", "#fail d", "#unknown e", "#fast f");
        LetAllEnd();
        EngineRun run = Engine.RunWithErrors("$ErrorActionPreference = $preference; $ids | Wait-ComfyRun -Timeout 500ms; 'after'", ("ids", ids.ToArray()), ("preference", preference));
        ErrorRecord error = run.Error("WaitTimeout");
        Assert.Equal(preference == "Stop", run.Threw);
        PSObject[] objects = [.. run.Objects.Where(o => o.BaseObject is ComfyRun)];
        ComfyRun[] runs = [.. objects.Select(o => (ComfyRun)o.BaseObject)];
        Assert.Equal(ids.Order(), runs.Select(r => r.RunId!).Order());
        Assert.Equal([true, true, true, false, false, false], runs.Select(r => r.IsFinished));

        string[] late = [ids[0], ids[2], ids[4]];
        Assert.Equal(late.Order(), Assert.IsType<ComfyRun[]>(error.TargetObject).Select(r => r.RunId!).Order());
        Assert.StartsWith("3 of 6 runs", error.ToString(), StringComparison.Ordinal);
        Assert.All(late, id => Assert.Contains(id, error.ToString(), StringComparison.Ordinal));
        Assert.Contains("Wait-ComfyRun", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("Stop-ComfyRun", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(ErrorCategory.OperationTimeout, error.CategoryInfo.Category);
    }

    [Fact]
    public void StopOnTimeout_cancels_only_late_runs()
    {
        IReadOnlyList<string> ids = Start("#stuck=running", "#fast");
        LetAllEnd();
        EngineRun run = Engine.RunWithErrors("$ids | Wait-ComfyRun -Timeout 0 -StopOnTimeout -Verbose", ("ids", ids.ToArray()));
        Assert.Contains($"Cancelled: {ids[0]}.", run.Error("WaitTimeout").ToString(), StringComparison.Ordinal);
        Assert.Equal(["success", "cancelled"], run.Runs.Select(r => r.Status));
        Assert.Equal($"/api/run/{ids[0]}/cancel", Assert.Single(Emulator.Requests, r => r.Path.EndsWith("/cancel", StringComparison.Ordinal)).Path);
        Assert.Contains($"Cancelled run {ids[0]}.", run.Verbose);
    }

    [Fact]
    public void A_run_that_cannot_be_cancelled_is_named()
    {
        string id = Start("#stuck=running #nocall")[0];
        Emulator.Advance(TimeSpan.FromSeconds(30));
        EngineRun run = Engine.RunWithErrors("Wait-ComfyRun $id -Timeout 0 -StopOnTimeout", ("id", id));
        Assert.Contains($"Still running and still billed: {id}", run.Error("WaitTimeout").ToString(), StringComparison.Ordinal);
        Assert.Single(run.Objects);
        Assert.Contains(run.Warnings, warning => warning.Contains(id, StringComparison.Ordinal));
    }

    [Fact]
    public void The_deadline_is_one_for_the_whole_set()
    {
        IReadOnlyList<string> ids = Start([.. Enumerable.Range(0, 12).Select(i => $"#stuck {i}")]);
        System.Diagnostics.Stopwatch watch = System.Diagnostics.Stopwatch.StartNew();
        EngineRun run = Engine.RunWithErrors("$ids | Wait-ComfyRun -Timeout 1s", ("ids", ids.ToArray()));
        Assert.StartsWith("12 of 12 runs", run.Error("WaitTimeout").ToString(), StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(6), $"It took {watch.Elapsed}.");
    }

    [Theory]
    [InlineData("Continue")]
    [InlineData("Stop")]
    public void A_missing_run_does_not_delay_the_others(string preference)
    {
        IReadOnlyList<string> ids = Start("a", "b");
        LetAllEnd();
        EngineRun run = Engine.RunWithErrors(
            "$ErrorActionPreference = $preference; $ids[0], $nobody, 'not an id', $ids[1] | Wait-ComfyRun -Timeout 20",
            ("ids", ids.ToArray()),
            ("nobody", Nobody),
            ("preference", preference));
        Assert.Equal(ids.Order(), run.Runs.Select(r => r.RunId!).Order());
        if (preference == "Stop")
        {
            run.Error("RunIdInvalid");
            return;
        }
        Assert.Equal(["RunIdInvalid", "RunNotFound"], run.Errors.Select(IdOf));
        Assert.Equal([Nobody], Assert.IsType<string[]>(run.Errors[1].TargetObject));
        Assert.Contains("connection 'test'", run.Errors[1].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void ThrowOnFailure_throws_once_at_the_end()
    {
        IReadOnlyList<string> ids = Start("a", "#fail", "#cancelled", "b");
        LetAllEnd();
        EngineRun run = Engine.RunWithErrors("try { $ids | Wait-ComfyRun -ThrowOnFailure -OutVariable kept } catch { $_ }; \"kept $($kept.Count)\"", ("ids", ids.ToArray()));
        Assert.Equal("kept 4", run.Objects[^1].ToString());
        Assert.Equal(6, run.Objects.Count);
        ErrorRecord error = Assert.IsType<ErrorRecord>(run.Objects[4].BaseObject);
        Assert.Equal("RunFailed", IdOf(error));
        Assert.Equal(ErrorCategory.InvalidResult, error.CategoryInfo.Category);
        Assert.StartsWith("2 of 4 runs did not succeed", error.ToString(), StringComparison.Ordinal);
        Assert.Contains(ids[1] + " failed: ", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, Assert.IsType<ComfyRun[]>(error.TargetObject).Length);
    }

    [Fact]
    public void ThrowOnFailure_is_silent_when_all_succeed()
    {
        string id = Start("a")[0];
        LetAllEnd();
        Assert.Single(Engine.Run("Wait-ComfyRun $id -ThrowOnFailure", ("id", id)).Objects);
    }

    [Theory]
    [InlineData("$late | Wait-ComfyRun -Timeout 0 -ThrowOnFailure", "WaitTimeout,RunFailed")]
    [InlineData("'11111111-0000-4000-8000-000000000000' | Wait-ComfyRun -ThrowOnFailure", "RunNotFound,RunFailed")]
    [InlineData("[pscustomobject]@{ Status = 'not-queued' } | Wait-ComfyRun -ThrowOnFailure", "RunFailed")]
    [InlineData("'nothing' | Wait-ComfyRun -ThrowOnFailure", "RunIdInvalid,RunFailed")]
    public void ThrowOnFailure_throws_for_any_status_but_success(string script, string expected)
    {
        string[] late = [.. Start("#stuck")];
        Assert.Equal(expected, string.Join(',', Engine.RunWithErrors(script, ("late", late)).Errors.Select(IdOf)));
    }

    [Fact]
    public void A_key_that_is_rejected_until_the_deadline_is_the_error_of_a_run_that_was_never_read()
    {
        string id = Start("#stuck")[0];
        Emulator.AddFault("GET /run/* = 401 always");
        Assert.Contains(id, Engine.RunWithErrors("Wait-ComfyRun $id -Timeout 1", ("id", id)).Error("ApiKeyRejected").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_that_are_known_come_out_although_the_key_is_refused()
    {
        Emulator.AddFault("GET /run/* = 401 always");
        EngineRun run = Engine.RunWithErrors("'#stuck', 'b' | Start-ComfyRun portrait -InputName prompt | Wait-ComfyRun -Timeout 1");
        Assert.Equal(2, run.Runs.Count);
        Assert.Contains("does not accept the API key", run.Error("WaitTimeout").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_cannot_be_read_is_given_up_with_advice()
    {
        IReadOnlyList<string> ids = Start("a", "b");
        LetAllEnd();
        Emulator.AddFault($"GET /run/{ids[0]} = 500 always");
        EngineRun run = Engine.RunWithErrors("$ids | Wait-ComfyRun -Timeout 0", ("ids", ids.ToArray()));
        Assert.Equal(ids[1], run.One<ComfyRun>().RunId);
        string message = run.Error("PollFailed").ToString();
        Assert.Contains($"'{ids[0]}' | Wait-ComfyRun", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_read_before_the_failure_is_written_as_last_read()
    {
        string id = Start("#stuck=running")[0];
        Emulator.AddFault("GET /run/* = 500 after=1 always");
        EngineRun run = Engine.RunWithErrors("$run = Get-ComfyRun $id; $run | Wait-ComfyRun -Timeout 0", ("id", id));
        Assert.Equal(id, run.One<ComfyRun>().RunId);
        Assert.Single(run.Errors);
    }

    [Fact]
    public void Timeout_0_ends_soon_although_the_reasons_cannot_be_read()
    {
        IReadOnlyList<string> ids = Start("#fail", "#fail b");
        LetAllEnd();
        Emulator.AddFault("GET /workflow/*/runs = hang always");
        Emulator.AddFault("GET /v2/clickhouse-run-logs/* = hang always");
        System.Diagnostics.Stopwatch watch = System.Diagnostics.Stopwatch.StartNew();
        EngineRun run = Engine.Run("$ids | Wait-ComfyRun -Timeout 0", ("ids", ids.ToArray()));
        Assert.Equal(2, run.Runs.Count);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(15), $"It took {watch.Elapsed}.");
    }

    [Theory]
    [InlineData("-Any")]
    [InlineData("-Count 1")]
    public void Enough_runs_do_not_hide_what_is_not_an_ID(string arguments)
    {
        string id = Start("a")[0];
        LetAllEnd();
        EngineRun run = Engine.RunWithErrors($"'nonsense', $id | Wait-ComfyRun {arguments} -Timeout 20", ("id", id));
        Assert.Equal(id, run.One<ComfyRun>().RunId);
        run.Error("RunIdInvalid");
    }

    [Fact]
    public void A_late_run_is_cancelled_although_the_input_goes_on()
    {
        string id = Start("#stuck=running")[0];
        EngineRun run = Engine.RunWithErrors("""
            & {
                $id
                $until = [datetime]::Now.AddSeconds(30)
                while ($emulator.Runs[0].Status -ne 'cancelled' -and [datetime]::Now -lt $until) { }
                $global:seen = $emulator.Runs[0].Status
            } | Wait-ComfyRun -Timeout 1 -StopOnTimeout
            $seen
            """, ("id", id));
        Assert.Equal("cancelled", run.Objects[^1].ToString());
        Assert.Equal("cancelled", Assert.IsType<ComfyRun>(run.Objects[0].BaseObject).Status);
    }
}
