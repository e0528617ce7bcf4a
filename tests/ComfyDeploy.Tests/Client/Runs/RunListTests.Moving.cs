using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>A list that loses rows while it is read, and answers that would make a reader ask forever.</summary>
public sealed partial class RunListTests
{
    [Theory]
    [InlineData(10, 1)]
    [InlineData(35, 1)]
    [InlineData(35, 4)]
    [InlineData(35, 10)]
    [InlineData(100, 7)]
    public async Task No_run_is_missed_when_the_reader_takes_runs_off_the_list(int count, int step)
    {
        AddRuns("w", count);
        RunMerge merge = MergeOf("queued");
        List<string> ids = [];
        while (true)
        {
            if (merge.NeedsPages) await ReadAsync(merge);
            if (merge.Take() is not { } run) break;
            ids.Add(run.RunId!);
            // As Stop-ComfyRun does, a few behind.
            if (ids.Count % step == 0) _rows["w"].RemoveAll(row => ids.Any(id => row.Contains($"\"{id}\"", StringComparison.Ordinal)));
        }
        Assert.Equal(Enumerable.Range(0, count).Select(i => $"w-{i}"), ids);
        Assert.InRange(Lists, 1, (3 * count / 10) + 2);
    }

    [Fact]
    public async Task No_run_is_missed_when_all_others_leave_the_list()
    {
        AddRuns("w", 35);
        RunMerge merge = MergeOf("queued");
        await ReadAsync(merge);
        _rows["w"].RemoveRange(0, 34);
        Assert.Equal([.. Enumerable.Range(0, 10).Select(i => $"w-{i}"), "w-34"], (await AllAsync(merge)).Select(run => run.RunId));
    }

    [Fact]
    public async Task A_list_of_a_status_that_runs_keep_is_read_once()
    {
        AddRuns("w", 25);
        Assert.Equal(25, (await AllAsync(MergeOf("failed"))).Count);
        Assert.Equal(["0", "10", "20"], _test.Handler.Requests.Select(request => request.PathAndQuery.Split("offset=")[1].Split('&')[0]));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("queued")]
    public async Task A_service_that_ignores_the_offset_is_not_asked_forever(string? status)
    {
        _page = (_, _) => $"[{string.Join(',', Enumerable.Range(0, 10).Select(i => Row("w", i)))}]";
        Assert.Equal(10, (await AllAsync(MergeOf(status))).Count);
        Assert.InRange(Lists, 2, 4);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("queued")]
    public async Task Rows_without_an_ID_are_not_asked_for_forever(string? status)
    {
        _page = (_, _) => $"[{string.Join(',', Enumerable.Repeat("""{"status":"queued"}""", 10))}]";
        Assert.Empty(await AllAsync(MergeOf(status)));
        Assert.InRange(Lists, 2, 4);
    }

    [Theory]
    [InlineData("""{"status":"queued"}""")]
    [InlineData("""{"id":38,"status":"queued"}""")]
    [InlineData("null")]
    [InlineData("[1]")]
    public async Task A_row_without_an_ID_makes_the_list_incomplete_and_is_told(string row)
    {
        _page = (_, _) => $$"""[{"id":"{{Guid.NewGuid()}}","status":"queued"},{{row}}]""";
        await AllAsync(MergeOf(null));
        Assert.Equal("The list of runs is incomplete: 1 row had no valid ID.", Assert.Single(_test.Log.Warnings));
    }

    private RunMerge MergeOf(string? status) => new([new RunCursor(_test.Client, new("w", null, status, null, 10), null)]);
}
