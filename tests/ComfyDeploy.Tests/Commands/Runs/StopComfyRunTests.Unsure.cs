using System.Text.RegularExpressions;
using ComfyDeploy.Client;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Runs whose state is in doubt: what may bill is cancelled, and nothing is called cancelled that is not.</summary>
public sealed partial class StopComfyRunTests
{
    private const string Confirmed = """{"status":"success","message":"Function cancelled"}""";

    [Fact]
    public void A_run_that_reads_timeout_without_an_end_may_bill_and_is_cancelled()
    {
        string id = Start("#stuck")[0];
        Emulator.Advance(TimeSpan.FromHours(25));
        ComfyRun stuck = Engine.Run("Get-ComfyRun $id", ("id", id)).One<ComfyRun>();
        Assert.Equal(("timeout", null), (stuck.Status, stuck.EndedAt));
        ComfyStopResult result = Engine.Run("Stop-ComfyRun $id -PassThru -Wait").One<ComfyStopResult>();
        Assert.Equal(("timeout", "Cancelled", "cancelled"), (result.Was, result.Outcome, result.Status));
        Assert.Equal("cancelled", Assert.Single(Emulator.Runs).Status);
    }

    [Theory]
    [InlineData("500 always")]
    [InlineData("503 always")]
    [InlineData("truncate always")]
    public void A_run_that_cannot_be_read_is_cancelled_all_the_same(string fault)
    {
        Hasten();
        string id = Start("#stuck=running")[0];
        Emulator.AddFault($"GET /run/* = {fault}");
        ComfyStopResult result = Engine.Run("Stop-ComfyRun $id -PassThru", ("id", id)).One<ComfyStopResult>();
        Assert.Equal((null, "Cancelled", null), (result.Was, result.Outcome, result.Status));
        Assert.Contains("could not be read", result.Message, StringComparison.Ordinal);
        Assert.Equal("cancelled", Assert.Single(Emulator.Runs).Status);
    }

    [Fact]
    public void A_run_that_can_be_read_after_its_cancel_says_what_became_of_it()
    {
        IReadOnlyList<string> ids = Start("#fast", "#stuck=running");
        LetAllEnd();
        Emulator.AddFault("GET /run/* = 500 x2");
        EngineRun run = Engine.Run("$ids | Stop-ComfyRun -PassThru", ("ids", ids));
        Assert.Equal(
            [("AlreadyFinished", "success", null), ("Cancelled", "cancelled", null)],
            run.All<ComfyStopResult>().Select(result => (result.Outcome, result.Status, result.Message)));
    }

    [Fact]
    public void Wait_does_not_say_that_an_unreadable_run_has_ended()
    {
        Hasten();
        string id = Start("#stuck=running")[0];
        Emulator.AddFault("GET /run/* = 500 always");
        EngineRun run = Engine.RunWithErrors("Stop-ComfyRun $id -PassThru -Wait -Timeout 3s", ("id", id));
        Assert.Equal(("StillRunning", null), (run.One<ComfyStopResult>().Outcome, run.One<ComfyStopResult>().Status));
        Assert.Contains("cannot be read", run.Error("WaitTimeout").ToString(), StringComparison.Ordinal);
        Assert.Equal(1, Cancels(id));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"detail":"maintenance"}""")]
    [InlineData("""{"id":"00000000-0000-4000-8000-000000000000","status":"running"}""")]
    [InlineData("""{"id":"../../../etc/passwd","status":"running"}""")]
    public void An_answer_that_is_not_about_the_run_does_not_make_it_cancelled(string answer)
    {
        EngineRun run = StopWith(_ => Reply.Json(answer));
        Assert.Equal(("Failed", null), (run.One<ComfyStopResult>().Outcome, run.One<ComfyStopResult>().Status));
        run.Error("ServiceError");
    }

    [Fact]
    public void A_cancel_that_the_service_confirms_counts_although_the_run_cannot_be_read()
    {
        EngineRun run = StopWith(request => Reply.Json(request.Method == "POST" ? Confirmed : "{}"));
        Assert.Equal(("Cancelled", null), (run.One<ComfyStopResult>().Outcome, run.One<ComfyStopResult>().Status));
        Assert.Empty(run.Errors);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    public void A_gateway_that_refuses_the_read_does_not_keep_a_run_from_its_cancel(int status)
    {
        EngineRun run = StopWith(request => request.Method == "POST" ? Reply.Json(Confirmed) : Reply.With(status, "<html></html>", "text/html"));
        Assert.Equal("Cancelled", run.One<ComfyStopResult>().Outcome);
        Assert.Empty(run.Errors);
    }

    [Theory]
    [InlineData("x1", "NotCancellable", "RunNotCancellable")]
    [InlineData("always", "Failed", "RunNotFound")]
    public void A_run_without_a_function_call_that_cannot_be_read_is_not_said_to_be_missing(string times, string outcome, string errorId)
    {
        string id = Start("#stuck=running #nocall")[0];
        // The service refuses its cancel with the words that it has for a run that does not exist.
        Emulator.AddFault($"GET /run/* = 500 {times}");
        EngineRun run = Engine.RunWithErrors("Stop-ComfyRun $id -PassThru", ("id", id));
        Assert.Equal(outcome, run.One<ComfyStopResult>().Outcome);
        Assert.DoesNotContain("There is no run", run.Error(errorId).ToString(), StringComparison.Ordinal);
        Assert.Equal(1, Cancels(id));
    }

    [Fact]
    public void A_run_without_a_function_call_exists_although_it_could_not_be_read_first()
    {
        string id = Start("#nocall #stuck")[0];
        Emulator.AddFault("GET /run/* = 401");
        EngineRun run = Engine.RunWithErrors("Stop-ComfyRun $id -PassThru", ("id", id));
        Assert.Equal(("not-started", "NotCancellable"), (run.One<ComfyStopResult>().Was, run.One<ComfyStopResult>().Outcome));
        run.Error("RunNotCancellable");
    }

    [Fact]
    public void A_gateway_that_refuses_the_cancel_says_nothing_of_the_run()
    {
        EngineRun run = StopWith(request => request.Method == "POST" ? Reply.With(404, "no healthy upstream") : Reply.Json($$"""{"id":"{{MissingId}}","status":"running"}"""));
        Assert.Equal("Failed", run.One<ComfyStopResult>().Outcome);
        Assert.Contains("no healthy upstream", Assert.Single(run.Errors).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-Active")]
    [InlineData("-Workflow portrait -Status not-started, queued, running")]
    [InlineData("-Deployment portrait -Status not-started, queued, running")]
    public void A_listed_run_whose_row_has_empty_texts_is_stopped(string which)
    {
        string id = Start("#stuck=running")[0];
        ComfyConnection blank = ConnectionTo(Emulator, "blank");
        ApiSession.Attach(new(blank, new BlanksLists()));
        EngineRun run = Engine.Run($"Get-ComfyRun {which} -Connection $blank | Stop-ComfyRun -PassThru", ("blank", blank));
        Assert.Equal((id, "Cancelled"), (run.One<ComfyStopResult>().RunId, run.One<ComfyStopResult>().Outcome));
    }

    /// <summary>The service, except that the rows of its lists have only an ID and a status.</summary>
    private sealed partial class BlanksLists() : DelegatingHandler(new HttpClientHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            HttpResponseMessage answer = await base.SendAsync(request, cancellationToken);
            if (!request.RequestUri!.AbsolutePath.Contains("/v2/workflow/", StringComparison.Ordinal)) return answer;
            return Reply.Json(OtherText().Replace(await answer.Content.ReadAsStringAsync(cancellationToken), "\"\""));
        }

        [GeneratedRegex("(?<=\"(?!id\"|status\")[a-z_]+\":)\"[^\"]*\"")]
        private static partial Regex OtherText();
    }

    private EngineRun StopWith(Func<SentRequest, HttpResponseMessage> answer)
    {
        ComfyConnection odd = ClientUnderTest.Connect();
        ApiSession.Attach(new(odd, new ScriptedHandler(answer), new ManualClock()));
        return Engine.RunWithErrors("Stop-ComfyRun $id -PassThru -Connection $odd", ("id", MissingId), ("odd", odd));
    }
}
