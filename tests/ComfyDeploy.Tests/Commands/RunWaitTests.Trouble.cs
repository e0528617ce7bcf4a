using ComfyDeploy.Client;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Client;

namespace ComfyDeploy.Tests.Commands;

// A service that is away, answers nonsense, or refuses: no answer about one run ends the wait for another.
public sealed partial class RunWaitTests
{
    private const string Cancel = "/cancel";

    [Fact]
    public async Task Two_of_three_minutes_without_the_service_lose_nothing()
    {
        (_ends["a"], _ends["b"], _ends["c"]) = (20, 100, 170);
        _fault = _ => Elapsed is >= 30 and < 150 ? Reply.Status(503) : null;
        RunWait wait = Wait(TimeSpan.FromHours(1));
        Add(wait, "a", "b", "c");
        Assert.Equal(["a", "b", "c"], (await DrainAsync(wait)).Order());
        Assert.InRange(_lastDecision, 170, 190);
        Assert.Equal(2, _log.Warnings.Count);
        Assert.Contains("service.test has not been reachable for", _log.Warnings[0], StringComparison.Ordinal);
        Assert.Contains("service.test is reachable again", _log.Warnings[1], StringComparison.Ordinal);
        Assert.Empty(wait.Lost);
    }

    [Fact]
    public async Task The_length_of_an_outage_can_be_shown()
    {
        _fault = _ => Elapsed is >= 3 and < 60 ? throw new HttpRequestException("refused") : null;
        RunWait wait = Wait(TimeSpan.FromHours(1));
        Add(wait, "a");
        _ends["a"] = 90;
        Assert.Null(wait.CheckOutage());
        _clock.Advance(TimeSpan.FromSeconds(44));
        Assert.Equal(40, wait.CheckOutage()!.Value.TotalSeconds, 0);
        Assert.Equal(["a"], await DrainAsync(wait));
        Assert.Null(wait.CheckOutage());
    }

    [Fact]
    public void A_service_that_does_not_answer_at_all_is_an_outage_too()
    {
        ScriptedHandler silent = new(async (_, stop) =>
        {
            await _clock.DelayAsync(TimeSpan.FromHours(1), stop);
            return Reply.Status(500);
        });
        RunWait wait = Wait(TimeSpan.FromHours(1));
        wait.Add(new("a", new ClientUnderTest(silent, _clock).Client, null, null));
        _clock.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(11, wait.CheckOutage()!.Value.TotalSeconds, 0);
        wait.CheckOutage();
        Assert.Single(_log.Warnings);
    }

    private static readonly string[] Kinds = ["gzip", "html 200", "html 403", "html 405", "text 404", "401", "{}", "null", "other", "throw"];

    public static TheoryData<string> OddAnswers => [.. Kinds];

    [Theory]
    [MemberData(nameof(OddAnswers))]
    public async Task An_odd_answer_about_one_run_is_a_failed_poll_of_that_run(string kind)
    {
        int odd = 0;
        _fault = path => path.EndsWith("/a", StringComparison.Ordinal) && Elapsed is >= 2 and < 20 && odd++ < 5 ? Odd(kind) : null;
        RunWait wait = Wait(TimeSpan.FromHours(1));
        Add(wait, "a", "b", "c");
        _ends["a"] = 30;
        Assert.Equal(["b", "c", "a"], await DrainAsync(wait));
        Assert.True(odd > 4);
        Assert.Empty(wait.Lost);
    }

    [Fact]
    public async Task A_run_that_is_refused_for_ever_ends_at_the_deadline_and_the_others_as_they_finish()
    {
        _fault = path => path.EndsWith("/a", StringComparison.Ordinal) ? Odd("html 403") : null;
        (_ends["b"], _ends["c"]) = (200, 550);
        RunWait wait = Wait(TimeSpan.FromMinutes(10));
        Add(wait, "a", "b", "c");
        Assert.Equal(["b", "c"], await DrainAsync(wait));
        Assert.Equal("a", Assert.Single(wait.Lost).Target.RunId);
        Assert.InRange(_lastDecision, 600, 610);
    }

    [Fact]
    public async Task A_connection_that_refuses_for_two_minutes_gives_up_its_runs_and_no_others()
    {
        _fault = _ => Elapsed > 3 ? Reply.Json("""{"detail":"Invalid token"}""", 401) : null;
        ComfyDeployClient other = new ClientUnderTest(
            new ScriptedHandler(request => Reply.Json(ClientUnderTest.RunJson(request.Address.Segments[^1], Elapsed > 200 ? "success" : "running"))), _clock).Client;
        RunWait wait = Wait(TimeSpan.FromHours(1));
        (_ends["a"], _ends["c"]) = (500, 500);
        Add(wait, "a", "c");
        wait.Add(new("x", other, null, null));
        Assert.Equal(["a", "c", "x"], (await DrainAsync(wait)).Order());
        Assert.Equal(["a", "c"], wait.Lost.Select(lost => lost.Target.RunId).Order());
        (ComfyDeployException error, object target) = Assert.Single(WaitReport.Errors(wait));
        Assert.Equal(ErrorIds.ApiKeyRejected, error.ErrorId);
        Assert.Equal(["a", "c"], Assert.IsType<string[]>(target).Order());
        Assert.Empty(wait.End());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_run_that_is_given_up_is_cancelled_once_or_named(bool isTaken)
    {
        int cancels = 0;
        _sharedStatus = () => Elapsed <= 3 ? 404 : 401;
        _fault = path =>
        {
            bool isCancel = path.EndsWith(Cancel, StringComparison.Ordinal);
            if (isCancel) cancels++;
            return Elapsed <= 3 || _cancelled.Count > 0 || (isCancel && isTaken) ? null : Reply.Json("""{"detail":"Invalid token"}""", 401);
        };
        RunWait wait = Wait(TimeSpan.FromHours(1), cancelLate: true);
        _ends["a"] = 5000;
        Add(wait, "a");
        Assert.Equal(["a"], await DrainAsync(wait));
        Assert.Equal(1, cancels);
        // Two minutes after the first refusal, and up to 30 s between two looks: not at the deadline, and no minute of tries.
        Assert.InRange(_lastDecision, 120, 160);
        (ComfyDeployException error, object target) = Assert.Single(WaitReport.Errors(wait));
        Assert.Equal(ErrorIds.ApiKeyRejected, error.ErrorId);
        Assert.Equal(["a"], Assert.IsType<string[]>(target));
        Assert.Contains(isTaken ? "Cancelled: a." : "Maybe still running and still billed: a.", error.Message, StringComparison.Ordinal);
        Assert.Equal(isTaken ? 0 : 1, _log.Warnings.Count(warning => warning.StartsWith("Run a could not be cancelled:", StringComparison.Ordinal)));
        Assert.Equal(isTaken ? "cancelled" : "running", Assert.Single(wait.Lost).Run!.Status);
    }

    [Fact]
    public async Task A_run_that_ended_before_it_was_given_up_is_a_success()
    {
        _sharedStatus = () => Elapsed <= 3 ? 404 : 401;
        _fault = path => Elapsed > 3 && !path.EndsWith(Cancel, StringComparison.Ordinal) && _cancelled.Count == 0
            ? Reply.Json("""{"detail":"Invalid token"}""", 401) : null;
        RunWait wait = Wait(TimeSpan.FromHours(1), cancelLate: true);
        _answerOf = (id, status) => id == "a" && status == "cancelled" ? "success" : status;
        Add(wait, "a");
        Assert.Equal(["a"], await DrainAsync(wait));
        Assert.Empty(WaitReport.Errors(wait));
        Assert.Null(WaitReport.Failure(wait, NoRows));
    }

    [Fact]
    public async Task A_closed_connection_gives_up_its_runs_at_once()
    {
        RunWait wait = Wait(TimeSpan.FromHours(1));
        Add(wait, "a");
        _client.Session.Connection.Close();
        Assert.Equal(["a"], await DrainAsync(wait));
        Assert.Equal(ErrorIds.NotConnected, Assert.Single(WaitReport.Errors(wait)).Error.ErrorId);
    }

    [Fact]
    public async Task Once_not_found_is_not_believed_and_twice_is()
    {
        _fault = path => path.EndsWith("/a", StringComparison.Ordinal) && Elapsed is >= 2 and < 4 ? Odd("run not found")
            : path.EndsWith("/b", StringComparison.Ordinal) ? Odd("run not found") : null;
        RunWait wait = Wait(TimeSpan.FromHours(1));
        Add(wait, "a", "b");
        Assert.Equal(["a"], await DrainAsync(wait));
        Assert.Equal((WaitEnd.NotFound, "b"), (Assert.Single(wait.Lost).End, wait.Lost[0].Target.RunId));
        Assert.Equal(ErrorIds.RunNotFound, Assert.Single(WaitReport.Errors(wait)).Error.ErrorId);
    }

    [Fact]
    public async Task Enough_runs_do_not_hide_that_another_does_not_exist()
    {
        _fault = path => path.EndsWith("/a", StringComparison.Ordinal) ? Odd("run not found") : null;
        RunWait wait = Wait(TimeSpan.FromHours(1), requiredCount: 1);
        Add(wait, "a", "c");
        Assert.Equal(["c"], await DrainAsync(wait));
        Assert.True(wait.HasEnough);
        Assert.Equal(ErrorIds.RunNotFound, Assert.Single(WaitReport.Errors(wait)).Error.ErrorId);
    }

    [Fact]
    public void A_run_is_cancelled_when_it_is_late_and_not_when_the_input_ends()
    {
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        Add(wait, "a");
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["a"], _cancelled);
        _clock.Advance(TimeSpan.FromHours(1));
        Add(wait, "c");
        _ends["c"] = 10_000;
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["a"], _cancelled);
    }

    [Fact]
    public async Task A_run_that_ends_before_its_cancel_is_a_success()
    {
        _ends["a"] = 5;
        // The service takes the cancel of a finished run and changes nothing.
        _fault = path => path.EndsWith(Cancel, StringComparison.Ordinal) ? Reply.Json("""{"status":"success"}""") : null;
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        Add(wait, "a");
        _ends["a"] = 4;
        Assert.Equal(["a"], await DrainAsync(wait));
        Assert.Empty(wait.Late);
        Assert.Null(WaitReport.Failure(wait, NoRows));
        Assert.Empty(WaitReport.Errors(wait));
    }

    [Fact]
    public async Task A_cancel_is_tried_for_a_minute_and_then_the_run_is_named()
    {
        _fault = _ => Elapsed >= 3 ? Reply.Status(503) : null;
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        _ends["c"] = 1000;
        Add(wait, "a", "c");
        await DrainAsync(wait);
        Assert.InRange(_lastDecision, 60, 68);
        Assert.Equal(["a", "c"], wait.End().Select(run => run.RunId));
        ComfyDeployException error = Assert.Single(WaitReport.Errors(wait)).Error;
        Assert.Contains("Still running and still billed: a, c.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("html 403")]
    [InlineData("text 404")]
    [InlineData("throw")]
    public async Task A_cancel_that_a_gateway_refuses_is_tried_again(string kind)
    {
        int refused = 0;
        _fault = path => path.EndsWith(Cancel, StringComparison.Ordinal) && refused++ < 3 ? Odd(kind) : null;
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        Add(wait, "a");
        await DrainAsync(wait);
        Assert.Equal("cancelled", Assert.Single(wait.End()).Status);
    }

    [Theory]
    [InlineData("plain 500")]
    [InlineData("500")]
    public async Task A_cancel_that_fails_is_tried_for_a_minute(string kind)
    {
        int tries = 0;
        _fault = path => path.EndsWith(Cancel, StringComparison.Ordinal) && tries++ >= 0 ? Odd(kind) : null;
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        Add(wait, "a");
        await DrainAsync(wait);
        Assert.InRange(_lastDecision, 60, 68);
        Assert.InRange(tries, 5, 20);
        Assert.Contains("Still running and still billed: a.", Assert.Single(WaitReport.Errors(wait)).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancel_that_the_service_says_is_impossible_is_not_tried_again()
    {
        int tries = 0;
        _fault = path => path.EndsWith(Cancel, StringComparison.Ordinal) && tries++ >= 0 ? Recorded.Exchange("run-cancel-no-function-call").ToResponse() : null;
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        Add(wait, "a");
        await DrainAsync(wait);
        Assert.Equal(1, tries);
        Assert.InRange(_lastDecision, 4, 5);
        Assert.Contains("Still running and still billed: a.", Assert.Single(WaitReport.Errors(wait)).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_run_leaves_once_whatever_the_service_answers()
    {
        string[] kinds = [.. Kinds, "run not found", "503"];
        for (int seed = 0; seed < 300; seed++)
        {
            Random random = new(seed);
            string[] ids = [.. Enumerable.Range(0, random.Next(1, 7)).Select(i => $"run{i}")];
            DateTime began = _clock.Now;
            foreach (string id in ids) _ends[id] = (int)(Elapsed + random.Next(0, 200));
            double share = random.NextDouble();
            _fault = _ => random.NextDouble() < share ? Odd(kinds[random.Next(kinds.Length)]) : null;
            using RunWait wait = new(
                new(TimeSpan.FromSeconds(random.Next(0, 300)), random.Next(2) == 0, ReadErrorDetail: false, RequiredCount: null, random.Next(2) == 0),
                _log, CancellationToken.None);
            foreach (string id in ids) wait.Add(new(id, _client, random.Next(2) == 0 ? new ComfyRun { RunId = id, Status = "queued" } : null, null));
            List<string?> left = await DrainAsync(wait);
            left.AddRange(wait.End().Select(run => run.RunId));
            left.AddRange(wait.Lost.Where(lost => lost.Run is null).Select(lost => lost.Target.RunId));
            Assert.Equal((seed, string.Join(',', ids)), (seed, string.Join(',', left.Order())));
        }
    }

    [Fact]
    public async Task A_cancel_succeeds_when_the_service_comes_back_within_the_minute()
    {
        _fault = _ => Elapsed is >= 3 and < 40 ? Reply.Status(503) : null;
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        Add(wait, "a");
        _ends["a"] = 1000;
        await DrainAsync(wait);
        Assert.Equal("cancelled", Assert.Single(wait.End()).Status);
        Assert.Contains("Cancelled: a.", Assert.Single(WaitReport.Errors(wait)).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_was_never_read_is_cancelled_too()
    {
        _fault = path => path.EndsWith(Cancel, StringComparison.Ordinal) ? null : Reply.Status(500);
        RunWait wait = Wait(TimeSpan.Zero, cancelLate: true);
        Add(wait, "a");
        Assert.Empty(await DrainAsync(wait));
        Assert.Equal(["a"], _cancelled);
        Assert.Empty(wait.End());
        ComfyDeployException error = Assert.Single(WaitReport.Errors(wait)).Error;
        Assert.Equal(ErrorIds.PollFailed, error.ErrorId);
        Assert.StartsWith("Cancelled, but not read since: a.", error.Message, StringComparison.Ordinal);
    }

    private double Elapsed => (_clock.Now - _began).TotalSeconds;

    private static HttpResponseMessage Odd(string kind)
    {
        switch (kind)
        {
            case "gzip":
                HttpResponseMessage corrupt = Reply.Json("{}");
                corrupt.Content = new StreamContent(new System.IO.Compression.GZipStream(
                    new MemoryStream([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), System.IO.Compression.CompressionMode.Decompress));
                return corrupt;
            case "html 200": return Reply.With(200, "<html>", "text/html");
            case "html 403": return Reply.With(403, "<html>", "text/html");
            case "html 405": return Reply.With(405, "<html>", "text/html");
            case "text 404": return Reply.With(404, "404 page not found");
            case "401": return Reply.Json("""{"detail":"Invalid token"}""", 401);
            case "500": return Reply.Json("""{"detail":"Internal server error"}""", 500);
            case "plain 500": return Reply.With(500, "Internal Server Error");
            case "503": return Reply.Status(503);
            case "run not found": return Reply.Json("""{"detail":"Run not found"}""", 404);
            case "{}" or "null": return Reply.Json(kind);
            case "other": return Reply.Json(ClientUnderTest.RunJson("z", "success"));
            default: throw new InvalidOperationException("nobody expects this");
        }
    }
}
