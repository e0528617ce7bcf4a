using ComfyDeploy.Client;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun when the service rejects, fails or stops responding: no run is paid for twice and no paid run is lost.</summary>
public sealed class StartComfyRunTroubleTests : EngineTest
{
    private const string FiveRows = "& { foreach ($i in 1..5) { [pscustomobject]@{ prompt = \"row-$i\" } } }";

    [Fact]
    public void A_rejected_row_is_still_written()
    {
        Emulator.AddFault("POST /run/deployment/queue = 500 body=row-3");
        EngineRun run = Engine.Run($"$ErrorActionPreference = 'Stop'; {FiveRows} | Start-ComfyRun portrait");
        Assert.Equal(["not-started", "not-started", "not-queued", "not-started", "not-started"], run.Runs.Select(r => r.Status));
        ComfyRun refused = run.Runs[2];
        Assert.Equal((null, "portrait/production", true, false), (refused.RunId, refused.DeploymentName, refused.IsFinished, refused.IsSuccess));
        Assert.Equal("""{"prompt":"row-3"}""", refused.Inputs!.ToString());
        Assert.NotNull(refused.Error);
        Assert.Contains("Row 3 was not queued", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.Equal(4, Emulator.Runs.Count);
        Assert.Equal(5, Count("POST", Queue));
    }

    [Fact]
    public void A_row_that_was_not_queued_passes_through_the_wait()
    {
        Emulator.AddFault("POST /run/deployment/queue = 500 body=row-3");
        EngineRun run = Engine.Run($$"""
            $ErrorActionPreference = 'Stop'
            $runs = {{FiveRows}} | Start-ComfyRun portrait
            $emulator.Advance([timespan]'01:00:00')
            $runs | Wait-ComfyRun -Timeout 20s
            """);
        Assert.Equal(4, run.Runs.Count(r => r.Status == "success"));
        Assert.Equal("""{"prompt":"row-3"}""", Assert.Single(run.Runs, r => r.Status == "not-queued").Inputs!.ToString());
        Assert.Equal(4, Emulator.Requests.Count(r => r.Method == "GET" && r.Path.StartsWith("/api/run/", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_cell_of_the_wrong_type_affects_only_its_row()
    {
        EngineRun run = Engine.Run("'7', 'seven', '8' | Start-ComfyRun portrait -InputName seed");
        Assert.Equal([false, true, false], run.Runs.Select(r => r.Status == "not-queued"));
        Assert.Equal(2, Emulator.Runs.Count);
    }

    [Fact]
    public void Without_rows_a_rejection_is_an_error()
    {
        Emulator.AddFault("POST /run/deployment/queue = 500");
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait");
        run.Error("ServiceError");
        Assert.Empty(run.Objects);
        Assert.Equal(1, Count("POST", Queue));
    }

    [Fact]
    public void A_create_with_a_retry_after_is_repeated_and_makes_one_run()
    {
        Emulator.AddFault("POST /run/deployment/queue = 429 retry-after=1 x2");
        EngineRun run = Engine.Run("Start-ComfyRun portrait -Connection $hasty", ("hasty", WithoutPauses()));
        Assert.Equal(Assert.Single(Emulator.Runs).RunId, run.One<ComfyRun>().RunId);
        Assert.Equal(3, Count("POST", Queue));
        Assert.Equal(2, run.Warnings.Count);
        Assert.Contains("4 retries left", run.Warnings[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lost")]
    [InlineData("503 executed")]
    [InlineData("truncate")]
    public void A_run_whose_response_was_lost_is_found(string fault)
    {
        Emulator.AddFault("POST /run/deployment/queue = " + fault);
        EngineRun run = Engine.Run("Start-ComfyRun portrait @{ prompt = 'fox'; seed = '7' }");
        Assert.Equal(Assert.Single(Emulator.Runs).RunId, run.One<ComfyRun>().RunId);
        Assert.Equal(1, Count("POST", Queue));
        Assert.Contains("It is not known whether a run was made", Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_equal_runs_stay_two_when_one_answer_is_lost()
    {
        Emulator.AddFault("POST /run/deployment/queue = lost after=1");
        EngineRun run = Engine.Run("Start-ComfyRun portrait @{ prompt = 'fox' } -Repeat 2");
        Assert.Equal(Emulator.Runs.Select(r => r.RunId).Order(), run.Runs.Select(r => r.RunId).Order());
        Assert.Equal(2, Emulator.Runs.Count);
    }

    [Theory]
    [InlineData("reset")]
    [InlineData("503")]
    [InlineData("408")]
    public void A_create_with_an_unknown_outcome_is_never_sent_again(string fault)
    {
        Emulator.AddFault("POST /run/deployment/queue = " + fault);
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait @{ prompt = 'fox' } -Connection $hasty", ("hasty", WithoutPauses()));
        string message = run.Error("AmbiguousCreate").ToString();
        Assert.Contains("Get-ComfyRun -Deployment 00000030-0000-4000-8000-000000000030 -After", message, StringComparison.Ordinal);
        Assert.Equal(1, Count("POST", Queue));
        Assert.Empty(Emulator.Runs);
        Assert.Empty(run.Objects);
    }

    [Fact]
    public void A_row_with_an_unknown_outcome_is_reported_and_the_others_continue()
    {
        Emulator.AddFault("POST /run/deployment/queue = reset body=\"b\"");
        EngineRun run = Engine.Run("'a', 'b', 'c' | Start-ComfyRun portrait -InputName prompt -Connection $hasty", ("hasty", WithoutPauses()));
        Assert.Equal([false, true, false], run.Runs.Select(r => r.Status == "not-queued"));
        Assert.StartsWith("AmbiguousCreate: ", run.Runs[1].Error, StringComparison.Ordinal);
        Assert.Equal(3, Count("POST", Queue));
    }

    [Fact]
    public async Task A_connection_that_is_closed_during_the_request_is_ambiguous_at_once()
    {
        Emulator.AddFault("POST /run/deployment/queue = hang");
        ComfyConnection closing = ConnectionTo(Emulator, "closing", requestTimeout: TimeSpan.FromSeconds(1));
        Engine.Set("closing", closing);
        using Underway underway = Engine.Begin("Start-ComfyRun portrait -Connection $closing");
        using CancellationTokenSource limit = new(EngineFixture.Limit);
        while (Count("POST", Queue) == 0) await Task.Delay(TimeSpan.FromMilliseconds(10), limit.Token);
        int before = Emulator.Requests.Count;
        closing.Close();
        underway.Finish().Error("AmbiguousCreate");
        Assert.Equal(before, Emulator.Requests.Count);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    public void A_machine_that_refuses_costs_its_own_row_only(int status)
    {
        ComfyConnection connection = ConnectionTo(Emulator, "refusing");
        string body = $$"""{"detail":"Error creating run: {{status}}"}""";
        ApiSession.Attach(new(connection, new RefusesSecondRow(() => Reply.Json(body, status))));
        EngineRun run = Engine.Run($"{FiveRows} | Start-ComfyRun portrait -Connection $refusing", ("refusing", connection));
        Assert.Equal([false, true, false, false, false], run.Runs.Select(r => r.Status == "not-queued"));
        Assert.Contains($"Error creating run: {status} (HTTP {status})", run.Runs[1].Error, StringComparison.Ordinal);
        Assert.Equal(4, Emulator.Runs.Count);
    }

    [Theory]
    [InlineData(401, "<html><body>Sign in</body></html>", "text/html")]
    [InlineData(402, "<html><body>Quota of the proxy</body></html>", "text/html")]
    [InlineData(403, """{"message":"Forbidden"}""", "application/json")]
    [InlineData(404, "no healthy upstream", "text/plain")]
    public void A_gateway_that_refuses_costs_its_own_row_only(int status, string body, string type)
    {
        ComfyConnection connection = ConnectionTo(Emulator, "refusing");
        ApiSession.Attach(new(connection, new RefusesSecondRow(() => Reply.With(status, body, type))));
        EngineRun run = Engine.Run($"{FiveRows} | Start-ComfyRun portrait -Connection $refusing", ("refusing", connection));
        Assert.Equal([false, true, false, false, false], run.Runs.Select(r => r.Status == "not-queued"));
        Assert.Equal($"A gateway refused the request before it reached the service (HTTP {status}).", run.Runs[1].Error);
        Assert.Equal(4, Emulator.Runs.Count);
    }

    [Theory]
    [InlineData(402, "LimitReached")]
    [InlineData(401, "ApiKeyRejected")]
    [InlineData(404, "DeploymentNotFound")]
    public void Rows_after_used_up_credits_or_a_rejected_key_are_not_sent(int status, string errorId)
    {
        Emulator.AddFault($"POST /run/deployment/queue = {status} after=1 always");
        EngineRun run = Engine.RunWithErrors("1..40 | Start-ComfyRun portrait -InputName seed");
        run.Error(errorId);
        Assert.Equal(["not-started", .. Enumerable.Repeat("not-queued", 39)], run.Runs.Select(r => r.Status));
        // The first row goes alone; what refuses the rows after it is known when the first of those eight is answered.
        Assert.InRange(Count("POST", Queue), 2, 9);
    }

    [Theory]
    [InlineData(402, "LimitReached")]
    [InlineData(404, "DeploymentNotFound")]
    public void All_rows_come_out_when_the_rest_is_refused_after_a_run_that_may_exist(int status, string errorId)
    {
        Emulator.AddFault("POST /run/deployment/queue = reset");
        Emulator.AddFault($"POST /run/deployment/queue = {status} always");
        EngineRun run = Engine.RunWithErrors("1..5 | Start-ComfyRun portrait -InputName seed -Connection $hasty", ("hasty", WithoutPauses()));
        run.Error(errorId);
        Assert.Equal([true, false, false, false, false], run.Runs.Select(r => r.Error!.StartsWith("AmbiguousCreate: ", StringComparison.Ordinal)));
        Assert.Equal(2, Count("POST", Queue));
    }

    [Fact]
    public void An_unreachable_service_loses_no_run()
    {
        EngineRun run = Engine.RunWithErrors(
            "$portrait = Get-ComfyDeployment portrait/production -Connection $hasty; $emulator.Stop(); Start-ComfyRun $portrait -Connection $hasty", ("hasty", WithoutPauses()));
        run.Error("ConnectionFailed");
        Assert.Empty(Emulator.Runs);
    }

    /// <summary>The service, except that something else answers the create of the second row.</summary>
    private sealed class RefusesSecondRow(Func<HttpResponseMessage> answer) : DelegatingHandler(new HttpClientHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            string body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
            return body.Contains("row-2", StringComparison.Ordinal) ? answer() : await base.SendAsync(request, cancellationToken);
        }
    }
}
