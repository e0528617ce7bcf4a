using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Get-ComfyRun by ID: valid IDs, the requests, and the order of the results.</summary>
public sealed class GetComfyRunTests : EngineTest
{
    private const string Nobody = "11111111-0000-4000-8000-000000000000";

    [Fact]
    public void An_id_has_36_or_32_characters_in_upper_or_lower_case()
    {
        string id = Start("fox")[0];
        EngineRun run = Engine.Run("$id, $id.Replace('-', ''), $id.ToUpper(), [guid]$id | ForEach-Object { Get-ComfyRun $_ }", ("id", id));
        Assert.Equal([id, id, id, id], run.Runs.Select(r => r.RunId));
    }

    [Fact]
    public void A_short_id_refers_to_a_run_this_session_has_seen()
    {
        string id = Start("fox")[0];
        Assert.Equal(id, Engine.Run("Get-ComfyRun $id.Substring(0, 8); ", ("id", id)).One<ComfyRun>().RunId);
        EngineRun unknown = Engine.RunWithErrors("Get-ComfyRun abcdef12");
        Assert.Contains("all 36 characters", unknown.Error("RunIdInvalid").ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("portrait")]
    [InlineData("abcdef1")]
    [InlineData("11111111-0000-4000-8000-00000000000z")]
    public void Other_text_is_rejected_before_any_request(string text)
    {
        EngineRun run = Engine.RunWithErrors("Get-ComfyRun $text", ("text", text));
        ErrorRecord error = run.Error("RunIdInvalid");
        Assert.Equal(text, error.TargetObject);
        Assert.Contains($"Get-ComfyRun -Workflow {text}", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Requests);
    }

    [Fact]
    public void One_unknown_id_of_three_gives_one_error()
    {
        IReadOnlyList<string> ids = Start("a", "b");
        EngineRun run = Engine.RunWithErrors("$ids[0], '" + Nobody + "', $ids[1] | Get-ComfyRun | ForEach-Object { $_.RunId }; Get-ComfyRun $ids[0], '" + Nobody + "' | ForEach-Object { }; \"ok: $?\"", ("ids", ids.ToArray()));
        Assert.Equal([.. ids, "ok: False"], run.Objects.Select(o => o.ToString()));
        Assert.Equal(["RunNotFound", "RunNotFound"], run.Errors.Select(IdOf));
        Assert.All(run.Errors, error => Assert.Equal((Nobody, ErrorCategory.ObjectNotFound), (error.TargetObject, error.CategoryInfo.Category)));
        Assert.Contains("connection 'test'", run.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Equal(404, Assert.IsType<ComfyDeployException>(run.Errors[0].Exception).StatusCode);
    }

    [Fact]
    public void Another_users_run_is_not_found()
    {
        string id = Start("mine")[0];
        ComfyConnection neighbour = ConnectionTo(Emulator, "neighbour", Emulator.AddKey("user_neighbour"));
        Engine.RunWithErrors("Get-ComfyRun $id -Connection $neighbour", ("id", id), ("neighbour", neighbour)).Error("RunNotFound");
    }

    [Fact]
    public void Piped_runs_are_read_again_and_nothing_else_is()
    {
        Start("other");
        EngineRun first = Engine.Run("$runs = 'a', 'b' | Start-ComfyRun portrait -InputName prompt; $runs");
        LetAllEnd();
        int before = Emulator.Requests.Count;
        EngineRun again = Engine.Run("$runs | Get-ComfyRun");
        Assert.Equal(first.Runs.Select(r => r.RunId), again.Runs.Select(r => r.RunId));
        Assert.Equal(["success", "success"], again.Runs.Select(r => r.Status));
        Assert.Equal(["not-started", "not-started"], first.Runs.Select(r => r.Status));
        // Two runs, and the prices once.
        Assert.Equal(3, Emulator.Requests.Count - before);
        Assert.Equal(2, Emulator.Requests.Skip(before).Count(request => request.Path.StartsWith("/api/run/", StringComparison.Ordinal)));
    }

    [Fact]
    public void An_id_given_twice_is_read_once()
    {
        string id = Start("fox")[0];
        EngineRun run = Engine.Run("$id, $id.ToUpper(), [pscustomobject]@{ RunId = $id } | Get-ComfyRun", ("id", id));
        Assert.Single(run.Objects);
        Assert.Equal(1, Count("GET", "/api/run/" + id));
    }

    [Fact]
    public void A_row_of_a_file_refers_to_its_run_and_keeps_its_columns()
    {
        string id = Start("fox")[0];
        ComfyRun run = Engine.Run(
            "[pscustomobject]@{ RunId = $id; DeploymentName = 'p/q'; Label = 'a1'; Status = 'failed'; IsSuccess = 'False' } | Get-ComfyRun -Connection $again",
            ("id", id),
            ("again", ConnectionTo(Emulator, "again"))).One<ComfyRun>();
        Assert.Equal(("p/q", "a1", "queued"), (run.DeploymentName, run.Label, run.Status));
    }

    [Fact]
    public void A_row_that_was_never_queued_passes_through()
    {
        EngineRun run = Engine.Run("[pscustomobject]@{ RunId = ''; Status = 'not-queued'; Error = 'no'; Label = 'a1' } | Get-ComfyRun");
        Assert.Equal(("not-queued", "no", "a1"), (run.One<ComfyRun>().Status, run.One<ComfyRun>().Error, run.One<ComfyRun>().Label));
        Assert.Empty(Emulator.Requests);
    }

    [Theory]
    [InlineData("Get-ComfyDeployment portrait/staging | Wait-ComfyRun", "A ComfyDeployment is not a run; list its runs with: Get-ComfyDeployment portrait/staging | Get-ComfyRun")]
    [InlineData("[pscustomobject]@{ Id = 'x' } | Get-ComfyRun", "RunId")]
    [InlineData("1.5 | ForEach-Object { [datetime]'2026-01-01' } | Get-ComfyRun", "A DateTime is not a run")]
    public void Other_objects_are_rejected_by_the_name_of_their_type(string script, string message)
    {
        EngineRun run = Engine.RunWithErrors(script);
        Assert.Contains(message, run.Error("ParameterArgumentTransformationError").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_reason_of_failed_runs_is_read_for_all_at_once()
    {
        IReadOnlyList<string> ids = Start("#fail", "fox", "#failearly", "#fail");
        LetAllEnd();
        IReadOnlyList<ComfyRun> runs = Engine.Run("$ids | Get-ComfyRun", ("ids", ids.ToArray())).Runs;
        Assert.Equal(["failed", "success", "failed", "failed"], runs.Select(r => r.Status));
        Assert.Equal([true, false, true, true], runs.Select(r => !string.IsNullOrWhiteSpace(r.Error)));
        Assert.InRange(Emulator.Requests.Count(r => r.Path.EndsWith("/runs", StringComparison.Ordinal)), 1, 2);
    }

    [Fact]
    public void The_reason_can_be_omitted()
    {
        string id = Start("#fail")[0];
        LetAllEnd();
        Assert.Null(Engine.Run("Get-ComfyRun $id -SkipErrorDetail", ("id", id)).One<ComfyRun>().Error);
        Assert.DoesNotContain(Emulator.Requests, r => r.Path.EndsWith("/runs", StringComparison.Ordinal));
    }

    [Fact]
    public void A_reason_that_cannot_be_read_is_not_an_error()
    {
        string id = Start("#fail")[0];
        LetAllEnd();
        Emulator.AddFault("GET /workflow/*/runs = 500 always");
        Emulator.AddFault("GET /v2/clickhouse-run-logs/* = 500 always");
        Assert.Null(Engine.Run("Get-ComfyRun $id", ("id", id)).One<ComfyRun>().Error);
    }

    [Fact]
    public void A_gateway_error_is_retried_with_a_warning()
    {
        string id = Start("fox")[0];
        Emulator.AddFault("GET /run/* = 503 x2");
        EngineRun run = Engine.Run("Get-ComfyRun $id -Connection $hasty", ("id", id), ("hasty", WithoutPauses()));
        Assert.Single(run.Objects);
        Assert.Equal(3, Count("GET", "/api/run/" + id));
        Assert.Equal(2, run.Warnings.Count);
        Assert.Contains("3 retries left", run.Warnings[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Get-ComfyRun $id -Connection $gateway")]
    [InlineData("Save-ComfyRunOutput $folder -RunId $id -Connection $gateway")]
    public void A_404_of_a_gateway_does_not_say_that_the_run_is_missing(string command)
    {
        using TemporaryFolder folder = new();
        ComfyConnection gateway = ClientUnderTest.Connect();
        ApiSession.Attach(new(gateway, new ScriptedHandler(_ => Reply.With(404, "<html></html>", "text/html"))));
        EngineRun run = Engine.RunWithErrors(command, ("gateway", gateway), ("id", Nobody), ("folder", folder.Path));
        Assert.Equal("A gateway refused the request before it reached the service (HTTP 404).", run.Error("ServiceError").ToString());
    }

    [Fact]
    public void Each_request_is_a_debug_message_with_the_full_id()
    {
        string id = Start("fox")[0];
        EngineRun run = Engine.Run("Get-ComfyRun $id -Debug", ("id", id));
        Assert.Contains(run.Debug, line => line.StartsWith($"GET /run/{id}", StringComparison.Ordinal) && line.Contains("-> 200", StringComparison.Ordinal));
    }
}

/// <summary>Many IDs at once, on a slow service.</summary>
public sealed class GetComfyRunParallelTests() : EngineTest(speed: 1)
{
    [Fact]
    public void Ids_are_read_eight_at_a_time_and_written_in_order()
    {
        string[] ids = [.. Engine.Run("Start-ComfyRun portrait @{ prompt = '#stuck' } -Repeat 24").Runs.Select(r => r.RunId!)];
        // The first response comes last, so that the order is not accidental.
        Emulator.AddFault($"GET /run/{ids[0]} = latency 1500ms");
        Emulator.AddFault("GET /run/* = latency 1s always");
        EngineRun run = Engine.Run("$ids | Get-ComfyRun", ("ids", ids));
        Assert.Equal(ids, run.Runs.Select(r => r.RunId));

        DateTime[] arrivals = [.. Emulator.Requests.Where(r => r.Method == "GET" && r.Path.StartsWith("/api/run/", StringComparison.Ordinal)).Select(r => r.ReceivedAt)];
        Assert.Equal(24, arrivals.Length);
        // The ninth request cannot arrive before the first response, which takes a second.
        for (int i = 8; i < arrivals.Length; i++) Assert.True(arrivals[i] - arrivals[i - 8] >= TimeSpan.FromMilliseconds(950), $"{i}: {arrivals[i] - arrivals[i - 8]}");
        Assert.True(arrivals[7] - arrivals[0] < TimeSpan.FromSeconds(1), "The first eight were not under way together.");
    }
}
