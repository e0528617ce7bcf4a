using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Client;

namespace ComfyDeploy.Tests.Commands;

/// <summary>The bar of a wait: what it says while time passes, and that it can be written whatever the service says.</summary>
public sealed class WaitProgressTests : IDisposable
{
    private readonly ManualClock _clock = new() { Runs = false };
    private readonly RecordingLog _log = new();
    private readonly List<ProgressRecord> _records = [];
    private readonly List<string> _lines = [];
    private readonly DateTime _began;
    private readonly ComfyDeployClient _client;
    private Func<int, string> _answer = _ => "running";
    private Func<bool> _isAway = () => false;
    private RunWait? _wait;

    public WaitProgressTests()
    {
        _began = _clock.Now;
        ScriptedHandler handler = new(request =>
        {
            string id = request.Address.Segments[^1];
            if (_isAway()) return Reply.Status(503);
            string status = _answer(int.Parse(id.AsSpan(0, 8), NumberStyles.None, CultureInfo.InvariantCulture));
            string end = status is "success" or "failed" ? $",\"ended_at\":\"{_clock.Now:yyyy-MM-ddTHH:mm:ss.ffff}Z\"" : string.Empty;
            string live = status == "running" ? ",\"live_status\":\"Executing KSampler\",\"progress\":0.5" : string.Empty;
            return Reply.Json(ClientUnderTest.RunJson(id, status)[..^1] + $"{end}{live}}}");
        });
        _client = new ClientUnderTest(handler, _clock).Client;
    }

    public void Dispose() => _wait?.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("\u0007\u001b")]
    [InlineData(null)]
    public void A_run_that_says_nothing_has_no_line(string? liveStatus)
    {
        ComfyRun silent = new() { RunId = ClientUnderTest.RunId, LiveStatus = liveStatus };
        ComfyRun speaking = new() { RunId = ClientUnderTest.RunId, LiveStatus = "Executing \u0007KSampler", PercentComplete = 42 };
        ProgressLine line = Assert.Single(WaitProgress.RunLines([silent, speaking]));
        Assert.Equal(("Executing KSampler", (int?)42), (line.Status, line.Percent));
    }

    [Fact]
    public void The_runs_nearest_their_end_come_first()
    {
        ComfyRun[] live = [.. Enumerable.Range(0, 9).Select(i => new ComfyRun { RunId = ClientUnderTest.RunId, LiveStatus = "x", PercentComplete = i * 10 })];
        Assert.Equal([80, 70, 60, 50, 40], WaitProgress.RunLines(live).Take(ProgressBar.MaxLines).Select(line => line.Percent!.Value));
    }

    [Theory]
    [InlineData("a07", "portrait/production", "a07 (46ca5f04)")]
    [InlineData("a\u001b[31m07\n", "portrait/production", "a [31m07 (46ca5f04)")]
    [InlineData(null, "portrait/production", "46ca5f04 portrait/production")]
    [InlineData("", null, "46ca5f04")]
    public void A_run_is_called_by_its_label_and_its_short_ID(string? label, string? deployment, string expected) =>
        Assert.Equal(expected, RunName.Short(new() { RunId = ClientUnderTest.RunId, Label = label, DeploymentName = deployment }));

    [Fact]
    public async Task The_end_is_estimated_from_the_runs_that_have_ended()
    {
        // Ten at a time, 30 seconds each; every twentieth fails.
        _answer = i => Elapsed < i / 10 * 30 ? "queued" : Elapsed < ((i / 10) + 1) * 30 ? "running" : i % 20 == 0 ? "failed" : "success";
        WaitProgress progress = Begin(200);
        await PassAsync(progress, TimeSpan.FromSeconds(20));
        Assert.Equal(("Waiting for 200 runs", "0/200 · 10 running"), Last);
        await PassAsync(progress, TimeSpan.FromSeconds(16));
        Assert.Equal("10/200 · 1 failed · 10 running · ETA 11m", Last.Status);
        await PassAsync(progress, TimeSpan.FromSeconds(64));
        Assert.Equal("30/200 · 2 failed · 10 running · ETA 9m", Last.Status);
        Assert.Equal(15, _records[^6].PercentComplete);
        Assert.All(_records.TakeLast(5), line => Assert.Equal(("Executing KSampler", 50), (line.StatusDescription, line.PercentComplete)));
    }

    [Fact]
    public async Task Runs_that_had_ended_before_say_nothing_about_the_speed()
    {
        _answer = i => i < 90 ? "success" : "running";
        RunWait wait = Wait(100, TimeSpan.FromHours(1));
        WaitProgress progress = Progress(wait);
        foreach (int i in Enumerable.Range(0, 90)) progress.Ended(new() { RunId = Id(i), Status = "success", EndedAt = _began.ToLocalTime().AddMinutes(-1) });
        await PassAsync(progress, TimeSpan.FromSeconds(20), count: false);
        Assert.Equal("90/100 · 10 running", Last.Status);
    }

    [Theory]
    [InlineData(true, "0/3 · 3 queued · 2h left")]
    [InlineData(false, "0/3 · 3 queued")]
    public async Task The_time_left_is_shown_when_the_user_has_set_a_limit(bool isSet, string expected)
    {
        _answer = _ => "queued";
        WaitProgress progress = Begin(3, TimeSpan.FromHours(2), isSet);
        await PassAsync(progress, TimeSpan.FromSeconds(2));
        Assert.Equal(expected, Last.Status);
    }

    [Fact]
    public async Task A_service_that_is_away_is_in_the_bar()
    {
        _answer = i => i < 4 && Elapsed > 5 ? "success" : "running";
        _isAway = () => Elapsed > 12;
        WaitProgress progress = Begin(8);
        await PassAsync(progress, TimeSpan.FromSeconds(10));
        Assert.StartsWith("4/8 · 4 running · ETA", Last.Status, StringComparison.Ordinal);
        await PassAsync(progress, TimeSpan.FromSeconds(42));
        Assert.Matches(@"^4/8 · not reachable for (38|39|40) s$", Last.Status);
    }

    [Fact]
    public async Task The_line_of_a_run_is_gone_before_the_run_is_written()
    {
        WaitProgress progress = Begin(3);
        await PassAsync(progress, TimeSpan.FromSeconds(2));
        int line = _records.Last(record => record.Activity.StartsWith("shot1 ", StringComparison.Ordinal)).ActivityId;
        progress.Ended(new() { RunId = Id(1), Status = "success" });
        Assert.Equal((line, ProgressRecordType.Completed), (_records[^1].ActivityId, _records[^1].RecordType));
        progress.Complete();
        Assert.All(_records.GroupBy(record => record.ActivityId), bar => Assert.Equal(ProgressRecordType.Completed, bar.Last().RecordType));
    }

    [Fact]
    public async Task Uploads_have_the_first_line_of_the_same_bar()
    {
        RunWait wait = Wait(1, TimeSpan.FromHours(1));
        WaitProgress progress = Progress(wait, new ProgressLine("u", "Uploading 2 files", "1/2", 50));
        await PassAsync(progress, TimeSpan.FromSeconds(1));
        Assert.Equal(["Waiting for 1 run", "Uploading 2 files", "shot0 (00000000)"], _records.Select(record => record.Activity));
    }

    [Fact]
    public async Task Nothing_is_shown_for_a_short_wait()
    {
        WaitProgress progress = Begin(3);
        await PassAsync(progress, TimeSpan.FromSeconds(0.9));
        progress.Complete();
        Assert.Empty(_records);
    }

    [Fact]
    public async Task Lines_name_a_run_by_its_label_and_whole_ID()
    {
        _answer = i => Elapsed < 2 ? "queued" : Elapsed < 6 ? "running" : i == 0 ? "failed" : "success";
        WaitProgress progress = new(Wait(2, TimeSpan.FromHours(1)), _clock, new(_records.Add, _clock), _lines.Add);
        await PassAsync(progress, TimeSpan.FromSeconds(10));
        Assert.Empty(_records);
        string[] lines = [.. _lines.Select(line => line["HH:mm:ss ".Length..])];
        Assert.Equal([$"shot0 ({Id(0)}) queued", $"shot1 ({Id(1)}) queued", $"shot0 ({Id(0)}) running", $"shot1 ({Id(1)}) running"], lines[..4]);
        // Both end at the same look, in any order.
        Assert.Equal([$"shot0 ({Id(0)}) failed", $"shot1 ({Id(1)}) success, 0 outputs"], lines[4..].Order());
    }

    [Fact]
    public async Task Many_runs_have_a_line_a_minute_and_one_for_each_that_fails()
    {
        // None ends near a whole minute.
        _answer = i => Elapsed < (i + 1) * (i < 11 ? 9 : 12) ? "running" : i == 4 ? "failed" : "success";
        WaitProgress progress = new(Wait(12, TimeSpan.FromHours(1)), _clock, new(_records.Add, _clock), _lines.Add);
        await PassAsync(progress, TimeSpan.FromSeconds(130));
        Assert.Equal(3, _lines.Count);
        Assert.EndsWith($"shot4 ({Id(4)}) failed", _lines[0], StringComparison.Ordinal);
        Assert.Matches(@"^\d\d:\d\d:\d\d 6/12 · 1 failed · 6 running · ETA 1m$", _lines[1]);
        Assert.Matches(@"^\d\d:\d\d:\d\d 11/12 · 1 failed · 1 running", _lines[2]);
    }

    private static string Id(int i) => $"{i:00000000}-0000-4000-8000-000000000000";

    private double Elapsed => (_clock.Now - _began).TotalSeconds;

    private (string Activity, string Status) Last
    {
        get
        {
            ProgressRecord bar = _records.Last(record => record.ParentActivityId < 0 && record.RecordType == ProgressRecordType.Processing);
            return (bar.Activity, bar.StatusDescription);
        }
    }

    private WaitProgress Begin(int runs, TimeSpan? timeout = null, bool showsTimeLeft = false) =>
        Progress(Wait(runs, timeout ?? TimeSpan.FromHours(1)), null, showsTimeLeft);

    private WaitProgress Progress(RunWait wait, ProgressLine? extra = null, bool showsTimeLeft = false) =>
        new(wait, _clock, new(_records.Add, _clock), null) { ShowsTimeLeft = showsTimeLeft, Extra = () => extra };

    private RunWait Wait(int runs, TimeSpan timeout)
    {
        _wait = new(new(timeout, KeepOrder: false, ReadErrorDetail: false, RequiredCount: null), _log, CancellationToken.None);
        for (int i = 0; i < runs; i++) _wait.Add(new(Id(i), _client, null, new(null, null, null, $"shot{i}", null, null)));
        return _wait;
    }

    /// <summary>Lets time pass as the pipeline thread sees it: it takes what is decided, and ticks.</summary>
    private async Task PassAsync(WaitProgress progress, TimeSpan time, bool count = true)
    {
        for (DateTime end = _clock.Now + time; _clock.Now < end;)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(50));
            while (_wait!.HasNext) await _wait.NextAsync().WaitAsync(ClientUnderTest.Limit);
            foreach (ComfyRun run in _wait.TakeReady().Where(_ => count)) progress.Ended(run);
            progress.Update();
        }
    }
}
