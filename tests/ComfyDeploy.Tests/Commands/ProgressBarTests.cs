using System.Management.Automation;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Tests.Commands;

/// <summary>The bar that all cmdlets share.</summary>
public sealed class ProgressBarTests
{
    private readonly ManualClock _clock = new() { Runs = false };
    private readonly List<ProgressRecord> _records = [];
    private readonly ProgressBar _bar;

    public ProgressBarTests() => _bar = new(_records.Add, _clock);

    [Fact]
    public void It_is_silent_for_a_second_and_then_changes_four_times_a_second()
    {
        List<double> turns = [];
        for (int i = 0; i < 300; i++)
        {
            if (_bar.TakeTurn()) turns.Add(_bar.Elapsed.TotalSeconds);
            _clock.Advance(TimeSpan.FromMilliseconds(10));
        }
        Assert.Equal([1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75], turns.Select(turn => Math.Round(turn, 2)));
    }

    [Fact]
    public void It_closes_what_it_has_shown_and_nothing_else()
    {
        _bar.Complete();
        Assert.Empty(_records);
        _bar.Show("Work", 10, [("1/10", 0)], [Line("a"), Line("b"), Line("c")]);
        _bar.CloseLine("b");
        _bar.CloseLine("nothing");
        Assert.Equal((5, ProgressRecordType.Completed), (_records.Count, _records[^1].RecordType));
        Assert.Equal(_records[2].ActivityId, _records[^1].ActivityId);
        _bar.Show("Work", 20, [("2/10", 0)], [Line("c")]);
        _bar.Complete();
        _bar.Complete();
        Assert.Equal(4, _records.Select(record => record.ActivityId).Distinct().Count());
        Assert.All(_records.GroupBy(record => record.ActivityId), bar => Assert.Equal(ProgressRecordType.Completed, bar.Last().RecordType));
        // The bar goes last, so that no line is left without it.
        Assert.Equal(_records[0].ActivityId, _records[^1].ActivityId);
    }

    // The cmdlet may still wait for something else, and tick.
    [Fact]
    public void It_does_not_come_back_after_the_end()
    {
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.True(_bar.TakeTurn());
        _bar.Complete();
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.False(_bar.TakeTurn());
    }

    [Fact]
    public void It_has_at_most_five_lines()
    {
        _bar.Show("Work", null, [("1", 0)], Enumerable.Range(0, 9).Select(i => Line($"{i}")));
        Assert.Equal(6, _records.Count);
        Assert.All(_records.Skip(1), record => Assert.Equal(_records[0].ActivityId, record.ParentActivityId));
        Assert.Equal(-1, _records[0].PercentComplete);
    }

    [Fact]
    public void What_has_no_room_is_left_out_by_its_rank()
    {
        (string?, int)[] parts = [("12345/20000", 0), ("1234 failed", 1), ("10000 running", 4), ("ETA 2h 5m", 3), (null, 2), ("1d 4h left", 5)];
        _bar.Show("Waiting for 20000 runs", 61, parts);
        Assert.Equal("12345/20000 · 1234 failed · ETA 2h 5m", _records[0].StatusDescription);
        _bar.Show("Work", 61, parts);
        Assert.Equal("12345/20000 · 1234 failed · 10000 running · ETA 2h 5m · 1d 4h left", _records[1].StatusDescription);
    }

    // What PowerShell's Minimal view shows at 80 columns without a cut: activity and status together, by cells.
    [Theory]
    [InlineData("a07", "Executing KSampler")]
    [InlineData("a label that is much longer than any bar has room for, and then some more", "Executing a node with a name that is much longer than any bar has room for, and then some")]
    [InlineData("雪の中の狐雪の中の狐雪の中の狐雪の中の狐", "実行中実行中実行中実行中実行中実行中実行中実行中実行中実行中実行中")]
    [InlineData("한국어 레이블이 매우 길어서 표시할 수 없습니다", "x")]
    public void Every_text_fits_80_columns(string label, string liveStatus)
    {
        ComfyRun run = new() { RunId = ClientUnderTest.RunId, Label = label, LiveStatus = liveStatus };
        ComfyRun unlabeled = new() { RunId = ClientUnderTest.RunId, DeploymentName = label, LiveStatus = liveStatus };
        _bar.Show(label, 1, [(liveStatus, 0)], WaitProgress.RunLines([run, unlabeled]));
        Assert.Equal(3, _records.Count);
        Assert.All(_records, record =>
        {
            Assert.InRange(CellText.Width(record.Activity), 1, 38);
            Assert.InRange(CellText.Width(record.Activity) + CellText.Width(record.StatusDescription), 2, record.ParentActivityId < 0 ? 73 : 71);
        });
        Assert.Contains("46ca5f04", _records[1].Activity, StringComparison.Ordinal);
        Assert.StartsWith("46ca5f04 ", _records[2].Activity, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 50, 100, null)]
    [InlineData(30, 0, 100, null)]
    [InlineData(30, 100, 100, null)]
    [InlineData(30, 50, 100, "ETA 30s")]
    [InlineData(30, 1, 100, "ETA 50m")]
    [InlineData(600, 1, 3, "ETA 20m")]
    [InlineData(30, 1, 200000, null)]
    public void The_end_is_estimated_once_the_speed_is_known(int seconds, double done, double total, string? expected)
    {
        _clock.Advance(TimeSpan.FromSeconds(seconds));
        Assert.Equal(expected, _bar.Eta(done, total));
    }

    [Theory]
    [InlineData(0.25, "0.25s", "1s")]
    [InlineData(31, "31s", "31s")]
    [InlineData(59.5, "59s", "60s")]
    [InlineData(751, "12m 31s", "13m")]
    [InlineData(7200, "2h", "2h")]
    [InlineData(7530, "2h 5m", "2h 6m")]
    [InlineData(100800, "1d 4h", "1d 4h")]
    [InlineData(0, "0s", "0s")]
    public void Durations_are_short(double seconds, string exact, string about) =>
        Assert.Equal((exact, about), (DurationText.Of(TimeSpan.FromSeconds(seconds)), DurationText.About(TimeSpan.FromSeconds(seconds))));

    private static ProgressLine Line(string key) => new(key, $"run {key}", "Executing", 50);
}
