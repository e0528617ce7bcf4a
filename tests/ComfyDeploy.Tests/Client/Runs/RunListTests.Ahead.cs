using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>The next page is read while one is used, but no page for a caller that may not need it.</summary>
public sealed partial class RunListTests
{
    private IEnumerable<string> Queries => _test.Handler.Requests.Select(request => request.PathAndQuery.Split('?')[1]);

    [Fact]
    public async Task Pages_grow_up_to_a_limit()
    {
        AddRuns("w", 200);
        Assert.Equal(200, (await AllAsync(Growing())).Count);
        Assert.Equal(
            ["limit=10&offset=0", "limit=20&offset=10", "limit=40&offset=30", "limit=40&offset=70", "limit=40&offset=110", "limit=40&offset=150", "limit=40&offset=190"],
            Queries);
    }

    [Fact]
    public async Task From_the_second_page_on_the_next_one_is_read_meanwhile()
    {
        AddRuns("w", 200);
        RunMerge merge = Growing();
        await TakeAsync(merge, 11);
        Until(() => Lists == 3);
        // One page ahead, not more.
        await TakeAsync(merge, 19);
        Assert.Equal(3, Lists);
        Until(() => !merge.NeedsPages);
        Assert.Equal("w-30", merge.Take()!.RunId);
        Until(() => Lists == 4);
    }

    [Theory]
    [InlineData(null, int.MaxValue, 30)]
    [InlineData(null, 10, 70)]
    [InlineData("queued", int.MaxValue, 200)]
    public async Task Nothing_is_read_ahead_in_the_first_page_or_when_the_runs_are_at_hand_or_of_a_list_that_shrinks(string? status, int wanted, int count)
    {
        AddRuns("w", 200);
        // What is read ahead ends at once here, so that the caller cannot go on with it.
        RunMerge merge = Growing(status, stop: new CancellationToken(canceled: true));
        merge.Wanted = wanted;
        Assert.Equal(count, (await TakeAsync(merge, count)).Count);
        if (status is null && wanted == int.MaxValue) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => TakeAsync(merge, 1));
    }

    [Fact]
    public async Task A_failure_ahead_is_told_in_its_place()
    {
        AddRuns("w", 200);
        Func<string, int, string> pages = _page;
        _page = (workflow, offset) => offset < 30 ? pages(workflow, offset) : "not JSON";
        RunMerge merge = Growing();
        await TakeAsync(merge, 11);
        Until(() => Lists >= 3);
        Assert.Equal("w-29", (await TakeAsync(merge, 19))[^1]);
        Assert.Equal(ErrorIds.ServiceError, (await Assert.ThrowsAsync<ComfyDeployException>(() => ReadAsync(merge))).ErrorId);
    }

    [Fact]
    public async Task What_is_read_ahead_ends_with_the_caller()
    {
        AddRuns("w", 200);
        using CancellationTokenSource stop = new();
        TaskCompletionSource ended = new();
        ScriptedHandler slow = new(async (request, token) =>
        {
            if (!request.PathAndQuery.Contains("offset=30", StringComparison.Ordinal)) return Answer(request);
            using CancellationTokenRegistration end = token.Register(ended.SetResult);
            await Task.Delay(Timeout.Infinite, token);
            return Answer(request);
        });
        RunMerge merge = Growing(client: new ClientUnderTest(slow), stop: stop.Token);
        await TakeAsync(merge, 11);
        Until(() => slow.Count("GET", "offset=30") == 1);
        await stop.CancelAsync();
        await ended.Task.WaitAsync(ClientUnderTest.Limit);
    }

    [Fact]
    public async Task Rows_that_are_not_objects_do_not_end_the_list()
    {
        AddRuns("w", 25);
        _rows["w"][3] = "null";
        _rows["w"][5] = "[1]";
        Assert.Equal(23, (await AllAsync(Growing())).Count);
    }

    private static void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, ClientUnderTest.Limit));

    private static async Task<List<string>> TakeAsync(RunMerge merge, int count)
    {
        List<string> ids = [];
        while (ids.Count < count)
        {
            if (merge.NeedsPages) await ReadAsync(merge);
            ids.Add(merge.Take()!.RunId!);
        }
        return ids;
    }

    private RunMerge Growing(string? status = null, ClientUnderTest? client = null, CancellationToken stop = default) =>
        new([new RunCursor((client ?? _test).Client, new("w", null, status, null, 10), null, 40)], stop);
}
