using ComfyDeploy.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Restart-ComfyRun: which runs come in, and what is queued for them.</summary>
public sealed class RestartComfyRunTests : EngineTest
{
    private const string Nobody = "11111111-0000-4000-8000-000000000000";
    private const string ThreeShots = "$old = 'a', 'b', 'c' | ForEach-Object { [pscustomobject]@{ prompt = $_; shot = \"shot $_\" } } | Start-ComfyRun portrait -LabelColumn shot; ";

    [Fact]
    public void Each_run_becomes_a_new_one_with_the_same_inputs_and_label_in_order()
    {
        EngineRun run = Engine.Run(ThreeShots + "$old; $old | Restart-ComfyRun");
        ComfyRun[] old = [.. run.Runs.Take(3)];
        ComfyRun[] again = [.. run.Runs.Skip(3)];
        Assert.Equal(old.Select(r => (r.RunId, r.Label, r.Inputs!.ToString(), r.DeploymentName)), again.Select(r => (r.RestartOf, r.Label, r.Inputs!.ToString(), r.DeploymentName)));
        Assert.Equal(6, Emulator.Runs.Select(r => r.RunId).Distinct().Count());
        Assert.Equal(["a", "b", "c"], Emulator.Runs.Skip(3).Select(r => r.Inputs[11..12]).Order());
        // What was sent is known, and the deployment is read once.
        Assert.Equal(0, ReadRuns());
        Assert.Equal(1, Emulator.Requests.Count(request => request.Path.StartsWith("/api/deployment/", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_run_given_twice_in_any_form_is_restarted_once()
    {
        string id = Start("a")[0];
        EngineRun run = Engine.Run("$run = Get-ComfyRun $id; $run, $run.RunId, $run, [pscustomobject]@{ RunId = $id } | Restart-ComfyRun", ("id", id));
        Assert.Equal(id, run.One<ComfyRun>().RestartOf);
        Assert.Equal(2, Emulator.Runs.Count);
    }

    [Fact]
    public void A_complete_run_is_not_read_again()
    {
        Start("a");
        LetAllEnd();
        int before = 0;
        Engine.Set("mark", new Action(() => before = Emulator.Requests.Count));
        Engine.Run("$run = Get-ComfyRun -ThisSession; $mark.Invoke(); $run | Restart-ComfyRun");
        Assert.Equal(["GET /api/deployment/00000030-0000-4000-8000-000000000030", "POST " + Queue], Emulator.Requests.Skip(before).Select(r => $"{r.Method} {r.Path}"));
    }

    [Fact]
    public void Rows_of_a_list_are_read_once_each_before_they_are_restarted()
    {
        Start("a", "b", "c");
        LetAllEnd();
        Engine.Set("later", Later());
        EngineRun run = Engine.Run("Get-ComfyRun -Workflow portrait -Connection $later | Restart-ComfyRun");
        Assert.Equal(["c", "b", "a"], run.Runs.Select(r => (string)r.Inputs!.Properties["prompt"].Value));
        Assert.Equal(3, ReadRuns());
        Assert.Equal(["portrait/production"], Emulator.Runs.Select(r => r.DeploymentName).Distinct());
    }

    [Fact]
    public void Rows_of_a_table_keep_deployment_and_label()
    {
        string id = Start("a")[0];
        ComfyRun again = Engine.Run("[pscustomobject]@{ RunId = $id; DeploymentName = 'portrait/staging'; Label = 'mine'; Inputs = '{\"prompt\":\"z\"}' } | Restart-ComfyRun -Connection $later", ("id", id), ("later", Later())).One<ComfyRun>();
        Assert.Equal(("portrait/staging", "mine", id, """{"prompt":"a"}"""), (again.DeploymentName, again.Label, again.RestartOf, again.Inputs!.ToString()));
    }

    [Fact]
    public void A_run_whose_deployment_is_hidden_runs_its_version_on_its_machine_and_GPU()
    {
        string id = Start("a")[0];
        ComfyRun again = Engine.Run("Restart-ComfyRun $id -Connection $later", ("id", id), ("later", Later())).One<ComfyRun>();
        Assert.Equal(("00000203-0000-4000-8000-000000000203", "00000010-0000-4000-8000-000000000010", "A10G", id), (again.WorkflowVersionId, again.MachineId, again.Gpu, again.RestartOf));
        Assert.Equal(1, Count("POST", "/api/run"));
        Assert.Contains("\"gpu\":\"A10G\"", Emulator.Requests[^1].Body, StringComparison.Ordinal);
        Assert.Equal("""{"prompt":"a"}""", Emulator.Runs[^1].Inputs);
    }

    [Fact]
    public void A_run_of_a_version_is_restarted_from_a_list_too()
    {
        Engine.Run("$run = Start-ComfyRun -WorkflowVersion 00000202-0000-4000-8000-000000000202 -Machine gpu-h100 -Inputs @{ prompt = 'fox' }");
        ComfyRun again = Engine.Run("Get-ComfyRun -Workflow portrait | Restart-ComfyRun").One<ComfyRun>();
        Assert.Equal(("00000202-0000-4000-8000-000000000202", "00000011-0000-4000-8000-000000000011"), (again.WorkflowVersionId, again.MachineId));
    }

    [Fact]
    public void Without_deployment_and_version_a_deployment_must_be_given()
    {
        const string script = "$row = [pscustomobject]@{ Status = 'not-queued'; Inputs = '{}' }; ";
        EngineRun run = Engine.RunWithErrors(script + "$row | Restart-ComfyRun");
        Assert.Contains("Specify -Deployment", run.Error("DeploymentUnknown").ToString(), StringComparison.Ordinal);
        Assert.Equal("not-queued", run.One<ComfyRun>().Status);
        Engine.Run(script + "$row | Restart-ComfyRun -Deployment portrait");
        Assert.Single(Emulator.Runs);
    }

    [Theory]
    [InlineData("'portrait/staging'")]
    [InlineData("(Get-ComfyDeployment portrait/staging)")]
    public void Another_deployment_can_run_the_inputs(string deployment)
    {
        EngineRun run = Engine.Run($"{ThreeShots}$old | Restart-ComfyRun -Deployment {deployment} -Gpu h100");
        Assert.Equal([("portrait/staging", "H100")], run.Runs.Select(r => (r.DeploymentName, r.Gpu)).Distinct());
        Assert.Equal(["shot a", "shot b", "shot c"], run.Runs.Select(r => r.Label));
        Assert.Empty(run.Warnings);
    }

    [Fact]
    public void A_GPU_that_the_deployment_fixes_is_warned_of_once()
    {
        EngineRun run = Engine.Run(ThreeShots + "$old | Restart-ComfyRun -Gpu T4");
        Assert.Contains("ignores -Gpu T4", Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Restart-ComfyRun | Wait-ComfyRun", 3)]
    [InlineData("Restart-ComfyRun -Wait", 3)]
    [InlineData("Restart-ComfyRun -Wait -MaxInFlight 1", 1)]
    [InlineData("Restart-ComfyRun -MaxInFlight 1 | Wait-ComfyRun", 1)]
    public void The_wait_keeps_label_and_origin(string command, int atOnce)
    {
        ComfyRun[] old = [.. Engine.Run(ThreeShots + "$old").Runs];
        LetAllEnd();
        using Underway underway = Engine.Begin("$old | " + command);
        for (int queued = 3; queued < 6;)
        {
            queued += atOnce;
            Assert.True(SpinWait.SpinUntil(() => Emulator.Runs.Count == queued, EngineFixture.Limit));
            LetAllEnd();
        }
        EngineRun run = underway.Finish();
        Assert.Empty(run.Errors);
        Assert.Equal(old.Select(r => (r.RunId, r.Label)).OrderBy(r => r.Label), run.Runs.Select(r => (r.RestartOf, r.Label)).OrderBy(r => r.Label));
        Assert.All(run.Runs, r => Assert.Equal("success", r.Status));
    }

    [Fact]
    public void WhatIf_shows_target_and_inputs_and_the_number_and_queues_nothing()
    {
        Start("a", "b");
        EngineRun run = Engine.Run("Get-ComfyRun -Workflow portrait | Restart-ComfyRun -InputOverride @{ seed = 1 } -WhatIf");
        Assert.Empty(run.Objects);
        Assert.Equal(2, Emulator.Runs.Count);
        Assert.Contains("\"Queue run {\"prompt\":\"b\",\"seed\":1}\" on target \"portrait/production (", run.Shown, StringComparison.Ordinal);
        Assert.StartsWith("What if: 2 runs would be queued: 2 on A10G at 0.000337 USD a second each", run.Information[^1].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_does_not_exist_is_one_error_at_the_end()
    {
        string[] ids = [.. Start("a", "b")];
        EngineRun run = Engine.RunWithErrors("$ids[0], $nobody, 'nonsense', $ids[1] | Restart-ComfyRun", ("ids", ids), ("nobody", Nobody));
        Assert.Equal(ids, run.Runs.Select(r => r.RestartOf!));
        Assert.Equal(["RunIdInvalid", "RunNotFound"], run.Errors.Select(IdOf).Order());
        Assert.Contains(run.Errors, error => Equals(error.TargetObject, Nobody));
        Assert.Equal(4, Emulator.Runs.Count);
    }

    private int ReadRuns() => Emulator.Requests.Count(request => request.Method == "GET" && request.Path.StartsWith("/api/run/", StringComparison.Ordinal));

    /// <summary>Another session, which knows nothing of the runs.</summary>
    private ComfyConnection Later()
    {
        ComfyConnection later = ConnectionTo(Emulator, "later");
        ApiSession.Attach(new(later, new HttpClientHandler()));
        return later;
    }
}
