using System.Globalization;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Lists are read page by page, on demand; a run appears once although offsets shift; several lists are merged, newest first.</summary>
public sealed partial class RunListTests
{
    private static readonly DateTime Newest = new(2026, 11, 23, 18, 0, 0, DateTimeKind.Utc);

    private readonly Dictionary<string, List<string>> _rows = [];
    private readonly ClientUnderTest _test;
    private Func<HttpResponseMessage> _deployments = () => Reply.Json("[]");

    private Func<string, int, string> _page;
    private int _limit;

    public RunListTests()
    {
        _test = new(new ScriptedHandler(Answer));
        _page = (workflow, offset) => $"[{string.Join(',', _rows[workflow].Skip(offset).Take(_limit))}]";
    }

    [Fact]
    public async Task The_first_run_needs_one_request()
    {
        AddRuns("w", 500);
        RunMerge merge = Merge("w");
        await ReadAsync(merge);
        Assert.Equal("w-0", merge.Take()!.RunId);
        Assert.Contains("limit=10&offset=0", Assert.Single(_test.Handler.Requests).PathAndQuery, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_is_read_when_the_previous_one_is_used_up()
    {
        AddRuns("w", 25);
        RunMerge merge = Merge("w");
        List<string> ids = [];
        List<int> requestsAt = [];
        while (true)
        {
            if (merge.NeedsPages) await ReadAsync(merge);
            if (merge.Take() is not { } run) break;
            ids.Add(run.RunId!);
            requestsAt.Add(Lists);
        }
        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"w-{i}"), ids);
        Assert.Equal([.. Enumerable.Repeat(1, 10), .. Enumerable.Repeat(2, 10), .. Enumerable.Repeat(3, 5)], requestsAt);
        Assert.Equal(3, Lists);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(9, 1)]
    [InlineData(10, 2)]
    [InlineData(30, 4)]
    public async Task A_page_that_is_not_full_is_the_last(int runs, int requests)
    {
        AddRuns("w", runs);
        Assert.Equal(runs, (await AllAsync(Merge("w"))).Count);
        Assert.Equal(requests, Lists);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(10)]
    [InlineData(13)]
    public async Task Runs_that_arrive_in_between_shift_the_rest_and_cause_no_duplicate(int arriving)
    {
        AddRuns("w", 40);
        RunMerge merge = Merge("w");
        List<string> ids = [];
        int arrived = 0;
        while (true)
        {
            if (merge.NeedsPages)
            {
                await ReadAsync(merge);
                // Only a few times, otherwise the end is never reached.
                for (int i = 0; i < arriving && arrived < 3 * arriving; i++) _rows["w"].Insert(0, Row("w", -++arrived));
            }
            if (merge.Take() is not { } run) break;
            ids.Add(run.RunId!);
        }
        Assert.Equal(ids.Distinct(), ids);
        // New runs are seen only when they move to a page that is not read yet.
        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"w-{i}"), ids.Where(id => !id.Contains("--", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Several_lists_are_merged_newest_first()
    {
        AddRuns("a", 33, step: 3);
        AddRuns("b", 21, step: 5);
        AddRuns("c", 0);
        List<ComfyRun> all = await AllAsync(Merge("a", "b", "c"));
        Assert.Equal(54, all.Count);
        Assert.Equal(all.OrderByDescending(run => run.CreatedAt).Select(run => run.RunId), all.Select(run => run.RunId));
    }

    [Fact]
    public async Task Names_come_from_the_deployments_which_are_read_once()
    {
        _deployments = () => Reply.Json("""[{"id":"d","environment":"production","workflow":{"name":"portrait"}}]""");
        _rows["w"] = [.. Enumerable.Range(0, 12).Select(i => Row("w", i, deployment: i == 11 ? "gone" : "d"))];
        List<ComfyRun> all = await AllAsync(Merge("w"));
        Assert.All(all.Take(11), run => Assert.Equal(("portrait/production", "portrait"), (run.DeploymentName, run.WorkflowName)));
        Assert.Null(all[11].DeploymentName);
        Assert.Equal(2, _test.Handler.Count("GET", "/deployments?"));
    }

    [Fact]
    public async Task Unreadable_names_lose_no_run()
    {
        // One odd workflow makes the service's whole list of deployments fail.
        _deployments = () => Reply.Json("""{"detail":"Internal server error"}""", 500);
        _rows["w"] = [.. Enumerable.Range(0, 12).Select(i => Row("w", i, deployment: "d"))];
        List<ComfyRun> all = await AllAsync(Merge("w"));
        Assert.Equal(12, all.Count);
        Assert.All(all, run => Assert.Null(run.DeploymentName));
        Assert.All(all, run => Assert.Equal("d", run.DeploymentId));
        Assert.Equal(2, _test.Handler.Count("GET", "/deployments?"));
    }

    [Fact]
    public async Task The_filters_are_in_the_query()
    {
        _rows["w"] = [];
        RunQuery query = new("w", "d", "timeout", new DateTime(2025, 10, 14, 9, 12, 3, DateTimeKind.Utc), 10);
        await AllAsync(new RunMerge([new RunCursor(_test.Client, query, "portrait")]));
        Assert.Equal("/api/v2/workflow/w/runs?limit=10&offset=0&deployment_id=d&status=timeout&rf=1760433123", Assert.Single(_test.Handler.Requests).PathAndQuery);
    }

    private int Lists => _test.Handler.Count("GET", "/v2/workflow/");

    private static async Task ReadAsync(RunMerge merge) => await merge.ReadPagesAsync(default).WaitAsync(ClientUnderTest.Limit);

    private static async Task<List<ComfyRun>> AllAsync(RunMerge merge)
    {
        List<ComfyRun> all = [];
        while (true)
        {
            if (merge.NeedsPages) await ReadAsync(merge);
            if (merge.Take() is not { } run) return all;
            all.Add(run);
        }
    }

    private static string Row(string workflow, int index, int step = 1, string? deployment = null) =>
        $$"""{"id":"{{workflow}}-{{index}}","status":"queued","deployment_id":{{(deployment is null ? "null" : $"\"{deployment}\"")}},"created_at":"{{Newest.AddSeconds(-index * step):yyyy-MM-ddTHH:mm:ssZ}}"}""";

    private void AddRuns(string workflow, int count, int step = 1) => _rows[workflow] = [.. Enumerable.Range(0, count).Select(i => Row(workflow, i, step))];

    private RunMerge Merge(params string[] workflows) => new(workflows.Select(workflow => new RunCursor(_test.Client, new(workflow, null, null, null, 10), null)));

    private HttpResponseMessage Answer(SentRequest request)
    {
        if (request.PathAndQuery.Contains("/deployments?", StringComparison.Ordinal)) return _deployments();
        _limit = Number("limit=");
        int offset = Number("offset=");
        return Reply.Json(_page(request.Address.Segments[^2].TrimEnd('/'), offset));

        int Number(string name) => int.Parse(request.Address.Query.Split(name)[1].Split('&')[0], CultureInfo.InvariantCulture);
    }
}
