using System.Diagnostics;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>What a session remembers: runs it has seen, runs it queued, deployments for a minute.</summary>
public sealed class SessionMemoryTests
{
    [Fact]
    public void A_run_is_assigned_once()
    {
        KnownRuns known = new();
        Assert.True(known.Take("A", null));
        Assert.False(known.Take("a", null));
        Assert.Equal("A", Assert.Single(known.Started));
    }

    [Fact]
    public void A_run_seen_before_a_create_cannot_belong_to_it_and_one_seen_after_may()
    {
        KnownRuns known = new();
        known.See([new() { RunId = "before" }]);
        long sent = Stopwatch.GetTimestamp() + 1;
        Assert.True(known.IsTaken("BEFORE", sent));
        Assert.False(known.IsTaken("before", 0));
        Assert.False(known.IsTaken("never seen", sent));
        known.Take("ours", null);
        Assert.True(known.IsTaken("ours", 0));
    }

    [Fact]
    public void Seeing_a_run_again_does_not_make_it_younger()
    {
        KnownRuns known = new();
        known.See([new() { RunId = "a" }]);
        long between = Stopwatch.GetTimestamp() + 1;
        known.See([new() { RunId = "a" }]);
        known.See([new()]);
        Assert.True(known.IsTaken("a", between));
    }

    [Fact]
    public void Ambiguous_short_ids_are_reported()
    {
        KnownRuns known = new();
        foreach (string id in (string[])["aaaaaaaa-1", "aaaaaaaa-2", "bbbbbbbb-1"]) known.See([new() { RunId = id }]);
        known.Take("cccccccc-1", null);
        Assert.Equal(2, known.StartingWith("AAAA").Count);
        Assert.Equal(["bbbbbbbb-1"], known.StartingWith("bbbbbbbb"));
        Assert.Equal(["cccccccc-1"], known.StartingWith("cccccccc"));
        Assert.Empty(known.StartingWith("dddddddd"));
    }

    [Fact]
    public void Deployments_without_an_ID_or_with_the_same_are_remembered()
    {
        DeploymentCache cache = new();
        ComfyDeployment[] deployments = [new(), new(), new() { DeploymentId = "a" }, new() { DeploymentId = "a" }];
        cache.Set(deployments, DateTime.UnixEpoch);
        Assert.Equal(deployments, cache.Last);
        Assert.Equal("a", cache.Find("a")?.DeploymentId);
        Assert.Null(cache.Find(string.Empty));
    }

    [Fact]
    public void Of_a_long_list_the_newest_runs_are_described()
    {
        KnownRuns known = new();
        DateTime now = DateTime.Now;
        for (int i = 0; i < 5_000; i++)
        {
            known.See([new() { RunId = $"{i:00000000}", Status = "success", CreatedAt = now.AddMinutes(-i) }]);
        }
        known.Take("ours", new("d", "portrait/production", null, "row 1", null, null));
        IReadOnlyList<SeenRun> newest = known.Newest();
        Assert.Equal(["ours", "00000000", "00000001"], newest.Take(3).Select(run => run.RunId));
        Assert.Equal(("row 1", "not-started"), (newest[0].Origin!.Label, newest[0].Status));
        Assert.Equal(200, newest.Count);
        Assert.Single(known.StartingWith("00004999"));
    }

    [Fact]
    public async Task What_the_caller_knows_of_a_run_is_on_every_later_snapshot()
    {
        ClientUnderTest test = new(() => Reply.Json(ClientUnderTest.RunJson(ClientUnderTest.RunId)));
        test.Session.KnownRuns.Take(ClientUnderTest.RunId, new("d", "portrait/production", "portrait", "row 1", null, null));
        ComfyRun run = await test.GetRunAsync();
        Assert.Equal(("portrait/production", "row 1", "d"), (run.DeploymentName, run.Label, run.DeploymentId));
    }

    [Fact]
    public async Task Deployments_are_read_at_most_once_a_minute()
    {
        ClientUnderTest test = new(new ScriptedHandler(request =>
            Recorded.Exchange(request.PathAndQuery.EndsWith("true", StringComparison.Ordinal) ? "deployments-fluid" : "deployments-default").ToResponse()));
        IReadOnlyList<ComfyDeployment> first = await ReadAsync(fresh: false);
        Assert.NotEmpty(first);
        Assert.Equal(2, test.Handler.Requests.Count);
        await test.Clock.DelayAsync(TimeSpan.FromSeconds(59), default);
        Assert.Same(first, await ReadAsync(fresh: false));
        Assert.Equal(2, test.Handler.Requests.Count);
        await ReadAsync(fresh: true);
        Assert.Equal(4, test.Handler.Requests.Count);
        await test.Clock.DelayAsync(TimeSpan.FromSeconds(60), default);
        Assert.NotNull(test.Session.Deployments.Find(first[0].DeploymentId));
        await ReadAsync(fresh: false);
        Assert.Equal(6, test.Handler.Requests.Count);

        async Task<IReadOnlyList<ComfyDeployment>> ReadAsync(bool fresh) => await test.Client.GetDeploymentsAsync(fresh, default).WaitAsync(ClientUnderTest.Limit);
    }

    [Fact]
    public async Task Both_kinds_of_deployments_are_one_list_newest_first_and_each_once()
    {
        ClientUnderTest test = new(new ScriptedHandler(request => Reply.Json(request.PathAndQuery.EndsWith("true", StringComparison.Ordinal)
            ? """[{"id":"b","environment":"staging","workflow":{"name":"w"},"updated_at":"2025-10-02T00:00:00Z"},{"id":"a","updated_at":"2025-10-01T00:00:00Z"}]"""
            : """[{"id":"c","updated_at":"2025-10-03T00:00:00Z"},{"id":"a","updated_at":"2025-10-01T00:00:00Z"}]""")));
        IReadOnlyList<ComfyDeployment> all = await test.Client.GetDeploymentsAsync(fresh: false, default).WaitAsync(ClientUnderTest.Limit);
        Assert.Equal(["c", "b", "a"], all.Select(deployment => deployment.DeploymentId));
        Assert.Contains("w/staging", test.Session.Deployments.Last.Select(deployment => deployment.DeploymentName));
        Assert.Null(test.Session.Deployments.Find("unknown"));
    }

    [Fact]
    public async Task An_odd_field_of_a_deployment_affects_only_that_field()
    {
        foreach (string field in (string[])["workflow", "machine", "version", "input_types", "run_timeout", "gpu", "updated_at", "environment", "description"])
        {
            foreach (string odd in (string[])["null", "\"text\"", "5", "true", "[]", "[null,3]", "{}"])
            {
                ClientUnderTest test = new(() => Reply.Json($$"""[{"{{field}}":{{odd}},"id":"a"}]"""));
                IReadOnlyList<ComfyDeployment> all = await test.Client.GetDeploymentsAsync(fresh: false, default).WaitAsync(ClientUnderTest.Limit);
                Assert.Equal("a", Assert.Single(all).DeploymentId);
            }
        }
    }

    [Fact]
    public async Task Prices_are_read_once_and_a_run_needs_no_price()
    {
        ClientUnderTest test = new(new ScriptedHandler(request => request.PathAndQuery.Contains("pricing", StringComparison.Ordinal)
            ? Recorded.Exchange("platform-gpu-pricing").ToResponse()
            : Reply.Json($$"""{"id":"{{ClientUnderTest.RunId}}","status":"success","gpu":"A10G","run_duration":10,"cold_start_duration":5}""")));
        Assert.Equal(15 * 0.000337m, (await test.GetRunAsync()).EstimatedCost);
        await test.GetRunAsync();
        Assert.Equal(1, test.Handler.Count("GET", "pricing"));

        ClientUnderTest without = new(new ScriptedHandler(request => request.PathAndQuery.Contains("pricing", StringComparison.Ordinal)
            ? Reply.Status(500)
            : Reply.Json($$"""{"id":"{{ClientUnderTest.RunId}}","status":"success","gpu":"A10G","run_duration":10}""")));
        Assert.Null((await without.GetRunAsync()).EstimatedCost);
    }

    [Fact]
    public async Task Prices_that_could_not_be_read_are_requested_again_after_a_minute()
    {
        int asked = 0;
        ManualClock clock = new() { Runs = false };
        ClientUnderTest test = new(
            new ScriptedHandler(request => !request.PathAndQuery.Contains("pricing", StringComparison.Ordinal)
                ? Reply.Json($$"""{"id":"{{ClientUnderTest.RunId}}","status":"success","gpu":"A10G","run_duration":10}""")
                : ++asked == 1 ? Reply.Status(503) : Recorded.Exchange("platform-gpu-pricing").ToResponse()),
            clock);
        Assert.Null((await test.GetRunAsync()).EstimatedCost);
        Assert.Null((await test.GetRunAsync()).EstimatedCost);
        Assert.Equal(1, asked);
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(10 * 0.000337m, (await test.GetRunAsync()).EstimatedCost);
        Assert.Equal(2, asked);
    }
}
