using System.Management.Automation;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Restart-ComfyRun when some of its runs cannot be queued, and rows that never were.</summary>
public sealed class RestartComfyRunTroubleTests : EngineTest
{
    private const string Nobody = "11111111-0000-4000-8000-000000000000";

    [Fact]
    public void Rows_that_were_not_queued_start_from_their_inputs()
    {
        Emulator.AddFault("POST /run/deployment/queue = 500 body=owl");
        EngineRun run = Engine.Run("$runs = 'fox', 'owl' | ForEach-Object { [pscustomobject]@{ prompt = $_; shot = $_ } } | Start-ComfyRun portrait -LabelColumn shot; $emulator.ClearFaults(); $runs[1], $runs[1] | Restart-ComfyRun");
        ComfyRun again = run.One<ComfyRun>();
        Assert.Equal(("not-started", "owl", null, """{"prompt":"owl"}"""), (again.Status, again.Label, again.RestartOf, again.Inputs!.ToString()));
        Assert.Equal(2, Emulator.Runs.Count);
    }

    [Theory]
    [InlineData("[pscustomobject]@{ RunId = ''; Status = 'not-queued'; DeploymentName = 'portrait/staging'; Label = 'owl'; Inputs = '{\"prompt\":\"owl\"}' }")]
    [InlineData("[pscustomobject]@{ RunId = $null; Status = 'not-queued'; DeploymentName = 'portrait/staging'; Label = 'owl'; Inputs = [pscustomobject]@{ prompt = 'owl' } }")]
    public void Rows_of_a_table_too(string row)
    {
        ComfyRun again = Engine.Run($"{row} | Restart-ComfyRun").One<ComfyRun>();
        Assert.Equal(("owl", "portrait/staging", """{"prompt":"owl"}"""), (again.Label, again.DeploymentName, Assert.Single(Emulator.Runs).Inputs));
    }

    [Theory]
    [InlineData("")]
    [InlineData("; Inputs = 'x'")]
    [InlineData("; Inputs = '[1]'")]
    public void A_row_without_inputs_is_not_run_with_the_defaults(string inputs)
    {
        EngineRun run = Engine.RunWithErrors($"[pscustomobject]@{{ Status = 'not-queued'; DeploymentName = 'portrait'{inputs} }} | Restart-ComfyRun");
        Assert.Contains("has no Inputs", run.Error("InvalidInput").ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Runs);
    }

    [Fact]
    public void A_row_that_may_have_been_queued_is_warned_of()
    {
        Emulator.AddFault("POST /run/deployment/queue = reset");
        EngineRun run = Engine.RunWithErrors("$row = 'owl' | Start-ComfyRun portrait -InputName prompt -Connection $hasty -WarningAction Ignore; $row | Restart-ComfyRun", ("hasty", WithoutPauses()));
        Assert.Equal("not-started", run.Runs[^1].Status);
        Assert.Contains("may have been queued before", Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_deployment_that_is_gone_refuses_its_runs_only()
    {
        string[] ids = [.. Start("a", "b", "c")];
        Engine.Set("ids", ids);
        EngineRun run = Engine.Run($"[pscustomobject]@{{ RunId = $ids[0]; DeploymentId = '{Nobody}'; Label = 'gone' }}, $ids[1], [pscustomobject]@{{ RunId = $ids[2]; DeploymentId = '{Nobody}' }} | Restart-ComfyRun");
        Assert.Equal(["not-queued", "not-started", "not-queued"], run.Runs.Select(r => r.Status));
        Assert.Equal(ids, run.Runs.Select(r => r.RestartOf!));
        Assert.Equal([$"Run gone ({ids[0]}) was not restarted: ", $"Run {ids[2]} was not restarted: "], run.Warnings.Select(text => text[..(text.IndexOf("restarted: ", StringComparison.Ordinal) + 11)]).Order(StringComparer.Ordinal).Reverse());
        Assert.Equal(4, Emulator.Runs.Count);
        Assert.Equal(1, Count("GET", $"/api/deployment/{Nobody}"));
    }

    [Fact]
    public void When_nothing_is_queued_the_reason_is_one_error_for_all()
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait @{ promt = 'x' } -Repeat 3 -SkipInputCheck | Restart-ComfyRun");
        Assert.Equal(3, run.Runs.Count);
        ErrorRecord error = run.Error("UnknownInput");
        Assert.StartsWith("3 runs were not restarted: ", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(run.Runs, Assert.IsType<ComfyRun[]>(error.TargetObject));
        Assert.Empty(run.Warnings);
    }

    [Fact]
    public void A_deployment_that_does_not_exist_ends_it_before_anything_is_queued()
    {
        EngineRun run = Engine.RunWithErrors("$old = Start-ComfyRun portrait -Repeat 3; $old | Restart-ComfyRun -Deployment nothing");
        Assert.Contains("'nothing'", run.Error("DeploymentNotFound").ToString(), StringComparison.Ordinal);
        Assert.Equal(3, Emulator.Runs.Count);
    }

    [Fact]
    public void After_the_credits_are_used_up_nothing_more_is_read_or_queued()
    {
        string[] ids = [.. Start([.. Enumerable.Range(0, 20).Select(i => $"p{i}")])];
        Emulator.AddFault("POST /run/deployment/queue = 402 after=1 always");
        EngineRun run = Engine.RunWithErrors("$ids | Restart-ComfyRun", ("ids", ids));
        Assert.Equal(ids, run.Runs.Select(r => r.RestartOf!));
        Assert.Equal(19, run.Runs.Count(r => r.Status == "not-queued"));
        run.Error("LimitReached");
        Assert.InRange(Count("POST", Queue), 22, 30);
    }

    [Fact]
    public void A_lost_answer_is_looked_up_and_nothing_is_queued_twice()
    {
        Start("a");
        Emulator.AddFault("POST /run/deployment/queue = lost");
        ComfyRun again = Engine.Run("Get-ComfyRun -ThisSession | Restart-ComfyRun -InputOverride @{ seed = 5 } -Connection $hasty", ("hasty", WithoutPauses())).One<ComfyRun>();
        Assert.Equal(Emulator.Runs[^1].RunId, again.RunId);
        Assert.Equal(2, Emulator.Runs.Count);
    }
}
