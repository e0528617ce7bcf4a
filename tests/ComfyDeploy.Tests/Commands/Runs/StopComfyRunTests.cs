using System.Management.Automation;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Stop-ComfyRun: the outcome of each run, and how it is reported.</summary>
public sealed partial class StopComfyRunTests : OutputsTest
{
    private const string Neighbour = "user_neighbour";

    private int AllCancels => Emulator.Requests.Count(request => request.Path.EndsWith("/cancel", StringComparison.Ordinal));

    [Theory]
    [InlineData("#stuck", "not-started")]
    [InlineData("#stuck=queued", "queued")]
    [InlineData("#stuck=started", "started")]
    [InlineData("#stuck=running", "running")]
    public void An_active_run_is_cancelled(string prompt, string was)
    {
        string id = Start(prompt)[0];
        Emulator.Advance(TimeSpan.FromMinutes(1));
        ComfyStopResult result = Engine.Run("Stop-ComfyRun $id -PassThru", ("id", id)).One<ComfyStopResult>();
        Assert.Equal((id, was, "Cancelled", "cancelled", null), (result.RunId, result.Was, result.Outcome, result.Status, result.Message));
        Assert.Equal("cancelled", Assert.Single(Emulator.Runs).Status);
        Assert.Equal((1, 1), (Polls(id), Cancels(id)));
    }

    [Theory]
    [InlineData("a fox", "success")]
    [InlineData("#fail", "failed")]
    [InlineData("#timeout", "timeout")]
    [InlineData("#cancelled", "cancelled")]
    public void Stopping_a_finished_run_does_nothing_and_is_not_an_error(string prompt, string status)
    {
        string id = Ended(prompt);
        ComfyStopResult result = Engine.Run("Stop-ComfyRun $id -PassThru", ("id", id)).One<ComfyStopResult>();
        Assert.Equal((status, "AlreadyFinished", status), (result.Was, result.Outcome, result.Status));
        Assert.Equal(0, Cancels(id));
    }

    [Fact]
    public void A_run_without_a_function_call_cannot_be_cancelled_and_its_404_in_a_500_is_not_retried()
    {
        string id = Start("#nocall #stuck")[0];
        EngineRun run = Engine.RunWithErrors("Stop-ComfyRun $id -PassThru", ("id", id));
        ComfyStopResult result = run.One<ComfyStopResult>();
        Assert.Equal(("not-started", "NotCancellable", "not-started"), (result.Was, result.Outcome, result.Status));
        Assert.Contains("no function call", result.Message, StringComparison.Ordinal);
        ErrorRecord error = run.Error("RunNotCancellable");
        Assert.Contains(id, error.ToString(), StringComparison.Ordinal);
        Assert.Equal((id, ErrorCategory.InvalidOperation), (error.TargetObject, error.CategoryInfo.Category));
        Assert.Equal(1, Cancels(id));
        Assert.Empty(run.Warnings);
    }

    [Fact]
    public void An_unknown_run_is_not_found_on_the_connection_used()
    {
        EngineRun run = Engine.RunWithErrors("Stop-ComfyRun $id -PassThru", ("id", MissingId));
        ComfyStopResult result = run.One<ComfyStopResult>();
        Assert.Equal((MissingId, null, "NotFound", null), (result.RunId, result.Was, result.Outcome, result.Status));
        string message = run.Error("RunNotFound").ToString();
        Assert.Contains(MissingId, message, StringComparison.Ordinal);
        Assert.Contains("'test'", message, StringComparison.Ordinal);
        Assert.DoesNotContain(Emulator.Requests, request => request.Method == "POST");
    }

    [Fact]
    public void A_run_of_another_user_is_not_found()
    {
        string id = Engine.Run("(Start-ComfyRun neighbours-secret @{ prompt = 'x' } -Connection $n).RunId", ("n", ConnectionTo(Emulator, "neighbour", Emulator.AddKey(Neighbour)))).One<string>();
        EngineRun run = Engine.RunWithErrors("Stop-ComfyRun $id -PassThru", ("id", id));
        Assert.Equal("NotFound", run.One<ComfyStopResult>().Outcome);
        run.Error("RunNotFound");
        Assert.Equal(0, Cancels(id));
    }

    [Fact]
    public void Another_users_run_of_the_callers_workflow_is_visible_but_cannot_be_cancelled()
    {
        using ComfyEmulator shared = ComfyEmulator.Start(new()
        {
            Speed = 0,
            SeedJson = """
                {
                  "users": [{ "id": "me", "name": "Me" }, { "id": "user_neighbour", "name": "Neighbour" }],
                  "machines": [{ "id": "00000010-0000-4000-8000-000000000010", "name": "m", "gpu": "A10G" }],
                  "workflows": [{ "id": "00000020-0000-4000-8000-000000000020", "name": "w", "machineId": "00000010-0000-4000-8000-000000000010" }],
                  "deployments": [{ "id": "00000030-0000-4000-8000-000000000030", "workflowId": "00000020-0000-4000-8000-000000000020", "machineId": "00000010-0000-4000-8000-000000000010" }],
                  "runs": [{ "deploymentId": "00000030-0000-4000-8000-000000000030", "userId": "user_neighbour", "secondsAgo": 9, "inputs": { "prompt": "#stuck=running" } }]
                }
                """,
        });
        EngineRun run = Engine.RunWithErrors("Stop-ComfyRun $id -PassThru -Connection $shared", ("id", shared.Runs[0].RunId), ("shared", ConnectionTo(shared, "shared")));
        ComfyStopResult result = run.One<ComfyStopResult>();
        Assert.Equal(("running", "NotCancellable", "running"), (result.Was, result.Outcome, result.Status));
        // It has a function call, so the reason is its owner.
        Assert.Contains(Neighbour, run.Error("RunNotCancellable").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_transient_failure_of_a_cancel_is_retried()
    {
        Hasten();
        string id = Start("#stuck")[0];
        Emulator.AddFault("POST /run/*/cancel = 503 x2");
        EngineRun run = Engine.Run("Stop-ComfyRun $id -PassThru", ("id", id));
        Assert.Equal("Cancelled", run.One<ComfyStopResult>().Outcome);
        Assert.Equal(3, Cancels(id));
        Assert.Equal(2, run.Warnings.Count);
        Assert.All(run.Warnings, warning => Assert.Contains(id, warning, StringComparison.Ordinal));
    }

    [Fact]
    public void A_permanent_failure_affects_only_that_run()
    {
        Hasten();
        IReadOnlyList<string> ids = Start("#stuck", "#stuck");
        Emulator.AddFault($"POST /run/{ids[0]}/cancel = 503 always");
        EngineRun run = Engine.RunWithErrors("$ids | Stop-ComfyRun -PassThru", ("ids", ids));
        Assert.Equal([("Failed", "not-started"), ("Cancelled", "cancelled")], run.All<ComfyStopResult>().Select(result => (result.Outcome, result.Status)));
        Assert.Equal(ids[0], run.Error("ServiceError").TargetObject);
        Assert.Equal(5, Cancels(ids[0]));
    }

    [Fact]
    public void A_rejected_key_ends_the_cmdlet()
    {
        string id = Start("#stuck")[0];
        Emulator.AddFault("GET /run/* = 401 always");
        Emulator.AddFault("POST /run/*/cancel = 401 always");
        // One error for two runs: the second adds no information.
        Engine.RunWithErrors("$id, $missing | Stop-ComfyRun", ("id", id), ("missing", MissingId)).Error("ApiKeyRejected");
    }

    [Fact]
    public void WhatIf_sends_nothing_and_shows_the_full_id()
    {
        string id = Start("#stuck")[0];
        int before = Emulator.Requests.Count;
        EngineRun run = Engine.Run("$r = Get-ComfyRun $id -SkipErrorDetail; $r, $id | Stop-ComfyRun -WhatIf -PassThru", ("id", id));
        Assert.Empty(run.Objects);
        Assert.Equal(before + 1, Emulator.Requests.Count);
        Assert.Contains($"\"Cancel\" on target \"run {id} (portrait/production)\"", run.Shown, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_PassThru_nothing_is_written() => Assert.Empty(Engine.Run("Stop-ComfyRun $ids", ("ids", Start("#stuck", "#stuck"))).Objects);

    [Theory]
    [InlineData("Get-ComfyRun")]
    [InlineData("Wait-ComfyRun")]
    public void The_result_can_be_piped(string next)
    {
        IReadOnlyList<string> ids = Start("#stuck", "#stuck=running");
        EngineRun run = Engine.Run($"$ids | Stop-ComfyRun -PassThru | {next}", ("ids", ids));
        Assert.Equal(ids.Order(), run.Runs.Select(r => r.RunId).Order());
        Assert.All(run.Runs, r => Assert.Equal(("cancelled", "portrait/production"), (r.Status, r.DeploymentName)));
    }

    [Fact]
    public void Wait_reads_the_run_until_it_has_ended()
    {
        string id = Start("#stuck=running")[0];
        Assert.Equal("Cancelled", Engine.Run("Stop-ComfyRun $id -Wait -PassThru", ("id", id)).One<ComfyStopResult>().Outcome);
        Assert.Equal(2, Polls(id));
    }

    [Fact]
    public void Wait_reports_runs_that_did_not_end_in_time()
    {
        Hasten();
        IReadOnlyList<string> ids = Start("a", "#stuck");
        // A run whose status was set by hand never changes.
        Emulator.SetStatus(ids[0], "running");
        EngineRun run = Engine.RunWithErrors("$ids | Stop-ComfyRun -Wait -Timeout 5s -PassThru", ("ids", ids));
        Assert.Equal([("StillRunning", "running"), ("Cancelled", "cancelled")], run.All<ComfyStopResult>().Select(result => (result.Outcome, result.Status)));
        Assert.Contains(ids[0], run.Error("WaitTimeout").ToString(), StringComparison.Ordinal);
        Assert.InRange(Polls(ids[0]), 3, 7);
    }

    [Fact]
    public void A_timeout_without_a_wait_is_rejected() => Engine.RunWithErrors("Stop-ComfyRun $id -Timeout 5s", ("id", MissingId)).Error("ParametersConflict");

    [Fact]
    public void Under_Stop_all_others_are_stopped_before_the_first_error_ends_the_pipeline()
    {
        IReadOnlyList<string> ids = Start("#stuck", "#stuck", "#stuck", "#stuck");
        string[] mixed = [ids[0], MissingId, ids[1], "no id", .. ids.Skip(2)];
        EngineRun run = Engine.RunWithErrors("$ErrorActionPreference = 'Stop'; $mixed | Stop-ComfyRun -PassThru", ("mixed", mixed));
        Assert.True(run.Threw);
        Assert.All(Emulator.Runs, r => Assert.Equal("cancelled", r.Status));
        Assert.Equal(5, run.Objects.Count);
        Assert.Single(run.Errors);
    }

    [Fact]
    public void Results_come_in_the_order_of_the_ids_and_errors_last()
    {
        IReadOnlyList<string> ids = Start([.. Enumerable.Repeat("#stuck", 12)]);
        Emulator.AddFault($"GET /run/{ids[0]} = latency 300ms");
        EngineRun run = Engine.RunWithErrors("$ids, 'no id' | ForEach-Object { $_ } | Stop-ComfyRun -PassThru", ("ids", ids));
        Assert.Equal(ids, run.All<ComfyStopResult>().Select(result => result.RunId));
        run.Error("RunIdInvalid");
    }

    [Fact]
    public void An_id_given_twice_is_stopped_once()
    {
        string id = Start("#stuck")[0];
        EngineRun run = Engine.Run("$id, $id.ToUpper(), $id.Replace('-', ''), $id.Substring(0, 8) | Stop-ComfyRun -PassThru", ("id", id));
        Assert.Equal(id, run.One<ComfyStopResult>().RunId);
        Assert.Equal((1, 1), (Polls(id), Cancels(id)));
    }

    [Fact]
    public void Rows_that_were_never_queued_are_skipped()
    {
        string id = Start("#stuck")[0];
        EngineRun run = Engine.Run(
            "[pscustomobject]@{ RunId = ''; Status = 'not-queued' }, [pscustomobject]@{ RunId = $id; DeploymentName = 'a/b' } | Stop-ComfyRun -PassThru", ("id", id));
        ComfyStopResult result = run.One<ComfyStopResult>();
        Assert.Equal((id, "a/b"), (result.RunId, result.DeploymentName));
    }

    [Fact]
    public void Verbose_reports_each_cancel_with_the_full_id_and_debug_each_request()
    {
        string id = Start("#stuck")[0];
        EngineRun run = Engine.Run("Stop-ComfyRun $id -Verbose -Debug", ("id", id));
        Assert.Single(run.Verbose, $"Cancelled run {id}.");
        Assert.Equal(2, run.Debug.Count);
        Assert.Matches($"^POST /run/{id}/cancel -> 200 in \\d+ ms$", run.Debug[1]);
    }

    [Theory]
    [InlineData("$run")]
    // What this process started, it knows.
    [InlineData("$run.RunId")]
    public void A_labeled_run_is_named_by_its_label_and_its_ID(string input)
    {
        Hasten();
        string id = Engine.Run("$run = [pscustomobject]@{ prompt = '#stuck=running'; shot = 'a07' } | Start-ComfyRun portrait -LabelColumn shot; $run").Runs[0].RunId!;
        Emulator.AddFault("GET /run/* = 500 always");
        EngineRun run = Engine.RunWithErrors($"{input} | Stop-ComfyRun -Wait -Timeout 3s -Verbose");
        Assert.Single(run.Verbose, line => line.StartsWith($"Run a07 ({id}) could not be read and is cancelled all the same: ", StringComparison.Ordinal));
        Assert.Single(run.Verbose, $"Cancelled run a07 ({id}).");
        Assert.Contains(run.Verbose, line => line.StartsWith($"Run a07 ({id}) could not be read: ", StringComparison.Ordinal));
        Assert.StartsWith($"Run a07 ({id}) was cancelled, but", run.Error("WaitTimeout").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_active_run_is_cancelled_and_a_finished_one_is_left_alone()
    {
        string[] ids = [.. Start("#fast", "#stuck=running b")];
        LetAllEnd();
        EngineRun run = Engine.Run("$ids | Stop-ComfyRun -PassThru", ("ids", ids));
        Assert.Equal([("AlreadyFinished", "success"), ("Cancelled", "cancelled")], run.All<ComfyStopResult>().Select(r => (r.Outcome, r.Status!)));
        Assert.Equal(1, AllCancels);
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
        Assert.Equal(1, AllCancels);
    }

    [Theory]
    [InlineData("Continue")]
    [InlineData("Stop")]
    public void A_run_that_cannot_be_stopped_does_not_keep_the_others_running(string preference)
    {
        string[] ids = [.. Start("#stuck a", "#stuck=running #nocall", "#stuck c")];
        EngineRun run = Engine.RunWithErrors(
            "$ErrorActionPreference = $preference; $ids[0], '11111111-0000-4000-8000-000000000000', $ids[1], $ids[2] | Stop-ComfyRun -PassThru", ("ids", ids), ("preference", preference));
        Assert.Equal(["Cancelled", "NotFound", "NotCancellable", "Cancelled"], run.All<ComfyStopResult>().Select(r => r.Outcome));
        Assert.Equal(preference == "Stop" ? ["RunNotFound"] : ["RunNotFound", "RunNotCancellable"], run.Errors.Select(IdOf));
        Assert.Equal("cancelled", Emulator.Runs[2].Status);
    }

    [Fact]
    public void A_deployment_or_a_word_never_stops_a_run()
    {
        Start("#stuck");
        Engine.RunWithErrors("Get-ComfyDeployment portrait/staging | Stop-ComfyRun").Error("ParameterArgumentTransformationError");
        Engine.RunWithErrors("Stop-ComfyRun portrait").Error("RunIdInvalid");
        Assert.Equal(0, AllCancels);
    }

    [Fact]
    public void The_stop_result_can_be_piped()
    {
        string id = Start("#stuck")[0];
        Assert.Equal("cancelled", Engine.Run("Stop-ComfyRun $id -PassThru | Wait-ComfyRun -Timeout 20", ("id", id)).One<ComfyRun>().Status);
    }
}
