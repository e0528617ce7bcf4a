using ComfyDeploy.Client;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Client;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Every run given to a wait leaves it exactly once, whatever happens. These tests need no engine.</summary>
public sealed partial class RunWaitTests : IDisposable
{
    private static readonly Dictionary<ComfyRun, int> NoRows = [];

    private readonly ManualClock _clock = new() { Runs = false };
    private readonly RecordingLog _log = new();
    private readonly List<string> _cancelled = [];
    private readonly Dictionary<string, int> _ends = new() { ["a"] = 9, ["b"] = 1, ["c"] = 6 };
    private readonly DateTime _began;
    private readonly ComfyDeployClient _client;
    private Func<string, HttpResponseMessage?> _fault = _ => null;
    private Func<int> _sharedStatus = () => 404;
    private Func<string, string, string> _answerOf = (_, status) => status;
    private RunWait? _wait;
    private double _lastDecision;

    public RunWaitTests()
    {
        _began = _clock.Now;
        ScriptedHandler handler = new(request =>
        {
            if (request.IsShared) return Reply.Status(_sharedStatus());
            string[] path = request.Address.Segments;
            string id = path[3].TrimEnd('/');
            if (_fault(request.Address.AbsolutePath) is { } fault) return fault;
            if (request.Address.AbsolutePath.EndsWith("/cancel", StringComparison.Ordinal))
            {
                _cancelled.Add(id);
                return Reply.Json("""{"status":"success","message":"Function cancelled"}""");
            }
            string status = _cancelled.Contains(id) ? "cancelled" : (_clock.Now - _began).TotalSeconds >= _ends[id] ? "success" : "running";
            return Reply.Json(ClientUnderTest.RunJson(id, _answerOf(id, status)));
        });
        _client = new ClientUnderTest(handler, _clock).Client;
    }

    public void Dispose() => _wait?.Dispose();

    [Fact]
    public async Task Runs_are_returned_as_they_finish_and_a_duplicate_is_one_run()
    {
        RunWait wait = Wait(TimeSpan.FromHours(1));
        Add(wait, "a", "b", "c", "b");
        Assert.Equal(["b", "c", "a"], await DrainAsync(wait));
        Assert.Equal((3, 3), (wait.Received, wait.Finished));
        Assert.Empty(wait.End());
    }

    [Fact]
    public async Task A_run_that_is_given_as_finished_twice_is_one_run()
    {
        RunWait wait = Wait(TimeSpan.FromHours(1), keepOrder: true);
        wait.AddFinished(Finished("x"));
        wait.AddFinished(Finished("X"));
        wait.AddFinished(new() { Status = "not-queued" });
        wait.AddFinished(new() { Status = "not-queued" });
        Add(wait, "b");
        Assert.Equal(["x", null, null], wait.TakeReady().Select(run => run.RunId));
        Assert.Equal(["b"], await DrainAsync(wait));
        Assert.Equal((4, 4), (wait.Received, wait.Finished));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_run_that_is_given_both_as_finished_and_to_wait_for_is_one_run(bool isFinishedFirst)
    {
        RunWait wait = Wait(TimeSpan.FromHours(1), keepOrder: true);
        if (isFinishedFirst) wait.AddFinished(Finished("b"));
        Add(wait, "b");
        if (!isFinishedFirst) wait.AddFinished(Finished("b"));
        Add(wait, "c");
        string?[] first = [.. wait.TakeReady().Select(run => run.RunId)];
        Assert.Equal(["b", "c"], first.Concat(await DrainAsync(wait)));
        Assert.Equal((2, 2), (wait.Received, wait.Finished));
    }

    [Fact]
    public async Task Order_delays_runs_that_finish_early()
    {
        RunWait wait = Wait(TimeSpan.FromHours(1), keepOrder: true);
        Add(wait, "a", "b", "c");
        Assert.Equal(["a", "b", "c"], await DrainAsync(wait));
    }

    [Fact]
    public async Task Only_the_required_count_is_returned()
    {
        RunWait wait = Wait(TimeSpan.FromHours(1), requiredCount: 1);
        Add(wait, "a", "b", "c");
        Assert.Equal(["b"], await DrainAsync(wait));
        Assert.True(wait.HasEnough);
    }

    [Fact]
    public async Task Late_runs_leave_at_the_end_in_the_order_they_were_added()
    {
        RunWait wait = Wait(TimeSpan.FromSeconds(4));
        Add(wait, "a", "b", "c");
        Assert.Equal(["b"], await DrainAsync(wait));
        Assert.Equal(["a", "c"], wait.End().Select(run => run.RunId));
        Assert.All(wait.Late, late => Assert.True(late.IsRunning));
        Assert.Empty(_cancelled);
    }

    [Fact]
    public async Task Late_runs_are_cancelled_on_request()
    {
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        Add(wait, "a", "b", "c");
        await DrainAsync(wait);
        Assert.Equal(["cancelled", "cancelled"], wait.End().Select(run => run.Status));
        Assert.Equal(["a", "c"], _cancelled.Order());
        Assert.All(wait.Late, late => Assert.False(late.IsRunning));
    }

    [Fact]
    public async Task A_late_run_that_cannot_be_cancelled_is_still_running()
    {
        _fault = path => path.EndsWith("/cancel", StringComparison.Ordinal) ? Reply.Json("""{"detail":"broken"}""", 500) : null;
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        Add(wait, "a");
        await DrainAsync(wait);
        Assert.Equal("a", Assert.Single(wait.End()).RunId);
        Assert.True(Assert.Single(wait.Late).IsRunning);
        Assert.Contains("Run a could not be cancelled", _log.Warnings[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_late_run_is_named_by_its_label_and_its_ID()
    {
        _fault = path => path.EndsWith("/cancel", StringComparison.Ordinal) ? Reply.Json("""{"detail":"broken"}""", 500) : null;
        RunWait wait = Wait(TimeSpan.FromSeconds(4), cancelLate: true);
        wait.Add(new("a", _client, null, new(null, null, null, "a07", null, null)));
        await DrainAsync(wait);
        _ = wait.End();
        Assert.Contains("Run a07 (a) could not be cancelled", _log.Warnings[^1], StringComparison.Ordinal);
        Assert.Contains("still billed: a07 (a).", Assert.Single(WaitReport.Errors(wait)).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_that_was_not_queued_passes_through_as_unsuccessful()
    {
        RunWait wait = Wait(TimeSpan.FromHours(1));
        ComfyRun row = new() { Status = "not-queued" };
        wait.AddFinished(row);
        Assert.Same(row, Assert.Single(wait.TakeReady()));
        Assert.False(await wait.NextAsync());
        Assert.Same(row, Assert.Single(WaitReport.Failure(wait, NoRows)!.Value.Target!));
    }

    [Fact]
    public async Task Pending_runs_can_be_taken_in_any_state()
    {
        _ends["b"] = 0;
        RunWait wait = Wait(TimeSpan.FromSeconds(4), keepOrder: true);
        Add(wait, "a", "b");
        Assert.True(await wait.NextAsync().WaitAsync(ClientUnderTest.Limit));
        // Held back for its turn, late, decided but not taken, and one that nobody has read.
        _clock.Advance(TimeSpan.FromSeconds(5));
        _fault = path => path.EndsWith("/c", StringComparison.Ordinal) ? Reply.Status(503) : null;
        wait.Add(new("c", _client, new ComfyRun { RunId = "c", Status = "queued" }, null));
        Assert.Equal(["a", "b", "c"], wait.TakePending().Select(run => run.RunId).Order());
        Assert.Empty(wait.TakePending());
        Assert.Empty(wait.End());
    }

    [Fact]
    public async Task The_same_ID_on_another_service_is_another_run()
    {
        ScriptedHandler handler = new(_ => Reply.Json(ClientUnderTest.RunJson("b", "failed")));
        ApiSession other = new(ClientUnderTest.Connect(baseUri: "https://other.test/api"), handler, _clock);
        RunWait wait = Wait(TimeSpan.FromHours(1));
        Add(wait, "b");
        wait.Add(new("b", new(other, _log), null, null));
        Assert.Equal(["b", "b"], await DrainAsync(wait));
        Assert.Equal("failed", Assert.Single(wait.Unsuccessful).Status);
    }

    [Fact]
    public void An_empty_wait_is_not_a_success() => Assert.Equal("NoRuns", WaitReport.Failure(Wait(TimeSpan.Zero), NoRows)!.Value.Error.ErrorId);

    private RunWait Wait(TimeSpan timeout, bool keepOrder = false, int? requiredCount = null, bool cancelLate = false) =>
        _wait = new(new(timeout, keepOrder, ReadErrorDetail: false, requiredCount, cancelLate), _log, CancellationToken.None);

    private ComfyRun Finished(string id) => new() { RunId = id, Status = "success", Connection = _client.Session.Connection };

    private void Add(RunWait wait, params string[] ids)
    {
        foreach (string id in ids) wait.Add(new(id, _client, null, null));
    }

    /// <summary>Lets time pass until nothing is pending, or enough runs are returned.</summary>
    private async Task<List<string?>> DrainAsync(RunWait wait)
    {
        List<string?> ids = [];
        while (!wait.HasEnough)
        {
            // Longer than any of these waits.
            for (int second = 0; second < 4000 && !wait.HasNext; second++) _clock.Advance(TimeSpan.FromSeconds(1));
            if (wait.HasNext) _lastDecision = Elapsed;
            if (!await wait.NextAsync().WaitAsync(ClientUnderTest.Limit)) break;
            ids.AddRange(wait.TakeReady().Select(run => run.RunId));
        }
        return ids;
    }
}
