using ComfyDeploy.Commands;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Get-ComfyRun as a list: its filters and its requests.</summary>
public sealed class GetComfyRunListTests : EngineTest
{
    private readonly List<string> _ids = [];

    public GetComfyRunListTests()
    {
        // Oldest first: production fails, staging on a H100, preview is still running, upscale succeeds.
        foreach (string start in (string[])["portrait @{ prompt = '#fail' }", "portrait/staging -Gpu H100", "portrait/preview @{ prompt = '#stuck=running' }", "upscale-4k"])
        {
            _ids.Add(Engine.Run("Start-ComfyRun " + start).Runs[0].RunId!);
            Emulator.Advance(TimeSpan.FromMinutes(10));
        }
        // A connection that has seen none of the runs, as in a new session.
        Engine.Set("c", ConnectionTo(Emulator, "fresh"));
        Engine.Run("$PSDefaultParameterValues = @{ '*-Comfy*:Connection' = $c }");
    }

    [Theory]
    [InlineData("", "3210")]
    [InlineData("-Workflow portrait", "210")]
    [InlineData("-Workflow PORT*, upscale-4k", "3210")]
    [InlineData("-Workflow 00000021-0000-4000-8000-000000000021", "3")]
    [InlineData("-Deployment portrait", "0")]
    [InlineData("-Deployment portrait/*", "210")]
    [InlineData("-Deployment portrait -Environment staging", "1")]
    [InlineData("-Workflow portrait -Environment preview", "2")]
    [InlineData("-Environment production", "30")]
    [InlineData("-Deployment 00000033-0000-4000-8000-000000000033", "3")]
    [InlineData("-Status failed", "0")]
    [InlineData("-Status ERROR", "0")]
    [InlineData("-Status succeeded, failed", "310")]
    [InlineData("-Status running", "2")]
    [InlineData("-Status timeout", "")]
    [InlineData("-Status archived", "")]
    [InlineData("-Active", "2")]
    [InlineData("-Finished", "310")]
    [InlineData("-Gpu h100", "31")]
    [InlineData("-Gpu A10G, H100 -Workflow portrait", "210")]
    [InlineData("-Origin api", "3210")]
    [InlineData("-Origin manual", "")]
    [InlineData("-First 2", "32")]
    [InlineData("-Finished -First 2", "31")]
    [InlineData("-Workflow portrait -First 1 -Status failed", "0")]
    [InlineData("-ThisSession", "3210")]
    [InlineData("-After 100d", "3210")]
    [InlineData("-Before 1d", "")]
    public void Each_filter_returns_the_matching_runs(string arguments, string expected) => AssertRuns("Get-ComfyRun " + arguments, expected);

    [Fact]
    public void A_run_whose_time_is_not_known_is_listed_whatever_the_times() =>
        Assert.True(new RunFilter(null) { Finished = false, After = DateTime.Now, Before = DateTime.Now }.Matches(new() { Status = "queued" }));

    [Fact]
    public void After_includes_its_moment_and_Before_does_not()
    {
        ComfyRun second = Engine.Run("Get-ComfyRun -Workflow portrait").Runs.Single(r => r.RunId == _ids[1]);
        Engine.Set("moment", second.CreatedAt);
        AssertRuns("Get-ComfyRun -After $moment", "321");
        AssertRuns("Get-ComfyRun -Before $moment", "0");
        AssertRuns("Get-ComfyRun -After $moment -Before $moment.AddMilliseconds(1)", "1");
    }

    [Fact]
    public void Without_arguments_yesterdays_runs_are_omitted_but_After_includes_them()
    {
        // The emulator's clock is ahead of ours by what has passed; a current date there is in our future.
        using ComfyEmulator old = ComfyEmulator.Start(new() { Speed = 0, StartTime = DateTime.UtcNow.AddHours(-30) });
        Engine.Set("old", ConnectionTo(old, "old"));
        Engine.Run("$null = Start-ComfyRun portrait -Connection $old");
        Assert.Empty(Engine.Run("Get-ComfyRun -Connection $old").Objects);
        Assert.Single(Engine.Run("Get-ComfyRun -Connection $old -Active").Objects);
        Assert.Single(Engine.Run("Get-ComfyRun -Connection $old -After 2d").Objects);
        Assert.Single(Engine.Run("Get-ComfyRun -Connection $old -Workflow portrait").Objects);
    }

    [Theory]
    [InlineData("Get-ComfyDeployment portrait/preview, upscale-4k/* | Get-ComfyRun -Status running, success", "23")]
    [InlineData("Get-ComfyDeployment portrait/preview | Get-ComfyRun", "2")]
    public void Deployments_piped_list_their_runs(string script, string expected) => AssertRuns(script, expected);

    [Fact]
    public void A_list_contains_the_names()
    {
        ComfyRun run = Engine.Run("Get-ComfyRun -Workflow portrait -First 1").One<ComfyRun>();
        Assert.Equal(("portrait/preview", "portrait", "fresh"), (run.DeploymentName, run.WorkflowName, run.ConnectionName));
    }

    [Fact]
    public void Only_full_lists_have_inputs_outputs_and_reasons()
    {
        IReadOnlyList<ComfyRun> bare = Engine.Run("Get-ComfyRun").Runs;
        Assert.All(bare, r => Assert.True(r.Error is null && r.OutputUrl is null));
        Assert.All(bare, r => Assert.True(r.OutputCount is null && r.Outputs is null && r.PercentComplete is null));
        Assert.DoesNotContain(Emulator.Requests, r => r.Method == "GET" && r.Path.StartsWith("/api/run/", StringComparison.Ordinal));

        IReadOnlyList<ComfyRun> full = Engine.Run("Get-ComfyRun -Full").Runs;
        Assert.Equal(_ids.AsEnumerable().Reverse(), full.Select(r => r.RunId));
        Assert.Equal("""{"prompt":"#fail"}""", full[3].Inputs!.ToString());
        Assert.NotNull(full[3].Error);
        Assert.Equal(1, full[0].OutputCount);
        Assert.Equal("portrait/production", full[3].DeploymentName);
    }

    [Fact]
    public void ThisSession_lists_the_runs_it_queued()
    {
        // Over any connection to the account.
        EngineRun run = Engine.Run("$mine = 'a', 'b' | Start-ComfyRun portrait -InputName prompt; Get-ComfyRun -ThisSession");
        Assert.Equal(Emulator.Runs.Select(r => r.RunId).Reverse(), run.Runs.Select(r => r.RunId));
        Assert.Equal("""{"prompt":"b"}""", run.Runs[0].Inputs!.ToString());
        Assert.Equal(run.Runs.Skip(2).Where(r => r.IsFinished).Select(r => r.RunId), Engine.Run("Get-ComfyRun -ThisSession -Finished").Runs.Select(r => r.RunId));
    }

    [Theory]
    [InlineData("-Active -Finished")]
    [InlineData("-Active -Status failed")]
    [InlineData("-Finished -Status failed")]
    public void Contradictory_parameters_are_rejected(string arguments)
    {
        int before = Emulator.Requests.Count;
        Engine.RunWithErrors("Get-ComfyRun " + arguments).Error("ParametersConflict");
        Assert.Equal(before, Emulator.Requests.Count);
    }

    [Theory]
    [InlineData("-Deployment $their")]
    [InlineData("-Deployment $their -Full")]
    [InlineData("-Workflow $flow")]
    [InlineData("-Workflow $flow -Environment production")]
    [InlineData("-Workflow $flow, portrait -First 1")]
    [InlineData("-Deployment $run")]
    public void Objects_are_listed_with_the_connection_they_came_from(string arguments)
    {
        using ComfyEmulator other = ComfyEmulator.Start(new() { Speed = 0, StartTime = DateTime.UtcNow.AddHours(5) });
        Engine.Set("other", ConnectionTo(other, "other"));
        Engine.Run("$null = Start-ComfyRun portrait -Connection $other; $their = Get-ComfyDeployment portrait/production -Connection $other; $run = Get-ComfyRun -Workflow portrait -Connection $other");
        Engine.Set("flow", new ComfyWorkflow { WorkflowId = "00000020-0000-4000-8000-000000000020", Name = "portrait", Connection = (ComfyConnection)Engine.Run("$other").Objects[0].BaseObject });
        // Without a connection given: the default one is not even there.
        ComfyRun run = Engine.Run($"$PSDefaultParameterValues = @{{}}; Get-ComfyRun {arguments}".Replace(", portrait", string.Empty, StringComparison.Ordinal)).One<ComfyRun>();
        Assert.Equal((other.Runs[0].RunId, "other"), (run.RunId, run.ConnectionName));
    }

    [Theory]
    [InlineData("-Status sucess", "'sucess'", "Nearest: success")]
    [InlineData("-Status failed, runing", "'runing'", "Nearest: running")]
    [InlineData("-Status blue", "'blue'", "Known: not-started")]
    [InlineData("-Gpu H10", "'H10'", "Nearest: H100")]
    [InlineData("-Origin apii", "'apii'", "Nearest: api")]
    [InlineData("-Gpu nope -Status sucess", "'nope'", "'sucess'")]
    public void A_word_that_is_not_known_is_one_warning(string arguments, string word, string hint)
    {
        string warning = Assert.Single(Engine.Run("Get-ComfyRun " + arguments).Warnings);
        Assert.Contains(word, warning, StringComparison.Ordinal);
        Assert.Contains(hint, warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-Status NotStarted, canceled, succeeded, ERROR -Gpu a10g -Origin API")]
    [InlineData("-Environment PRODUCTION")]
    public void Known_words_in_any_case_are_no_warning(string arguments) => Assert.Empty(Engine.Run("Get-ComfyRun " + arguments).Warnings);

    [Theory]
    [InlineData("Get-ComfyRun -Environment prod", "Nearest: production")]
    [InlineData("Get-ComfyDeployment -Environment staging, previw", "Nearest: preview")]
    [InlineData("Get-ComfyDeployment -Environment nowhere", "Known: production, staging")]
    public void An_environment_that_does_not_exist_is_refused_before_any_request(string script, string hint)
    {
        int before = Emulator.Requests.Count;
        Assert.Contains(hint, Engine.RunWithErrors(script).Error("InvalidInput").ToString(), StringComparison.Ordinal);
        Assert.Equal(before, Emulator.Requests.Count);
    }

    [Fact]
    public void A_run_that_reads_timeout_without_an_end_is_active()
    {
        string id = _ids[2];
        Emulator.SetStatus(id, "timeout");
        AssertRuns("Get-ComfyRun -Active", "2");
        AssertRuns("Get-ComfyRun -Finished", "310");
        Emulator.SetStatus(id, "timeout", ended: true);
        AssertRuns("Get-ComfyRun -Active", "");
    }

    [Fact]
    public void An_unknown_workflow_does_not_hide_the_others()
    {
        EngineRun run = Engine.RunWithErrors("Get-ComfyRun -Workflow portrat, upscale-4k");
        Assert.Contains("Nearest: portrait", run.Error("WorkflowNotFound").ToString(), StringComparison.Ordinal);
        Assert.Equal(_ids[3], run.One<ComfyRun>().RunId);
    }

    [Fact]
    public void An_unknown_deployment_of_a_list_is_an_error()
    {
        EngineRun run = Engine.RunWithErrors("Get-ComfyRun -Deployment portrat");
        run.Error("DeploymentNotFound");
        Assert.Empty(run.Objects);
    }

    [Fact]
    public void Options_never_bind_from_the_pipeline() => AssertRuns("[pscustomobject]@{ RunId = $ids[0]; Workflow = 'nothing'; Status = 'running'; Gpu = 'T4'; First = 0; Connection = 'none' } | Get-ComfyRun", "0");

    private void AssertRuns(string script, string expected)
    {
        Engine.Set("ids", _ids.ToArray());
        Assert.Equal(expected, string.Concat(Engine.Run(script).Runs.Select(run => _ids.IndexOf(run.RunId!))));
    }
}

/// <summary>Long lists: page by page, without unnecessary pages.</summary>
public sealed class GetComfyRunPagingTests : EngineTest
{
    public GetComfyRunPagingTests() => Engine.Run("$null = Start-ComfyRun portrait -Repeat 230");

    private int Pages => Count("GET", PortraitRuns);

    [Fact]
    public void A_pipeline_that_stops_early_reads_one_page()
    {
        // Ends the pipeline upstream, as Select-Object -First 1 does.
        EngineRun run = Engine.Run("foreach ($once in 1) { Get-ComfyRun -Workflow portrait | ForEach-Object { $_; break } }");
        Assert.Single(run.Objects);
        Assert.Equal(1, Pages);
    }

    [Fact]
    public void First_requests_a_small_page()
    {
        Assert.Equal(3, Engine.Run("Get-ComfyRun -Workflow portrait -First 3").Runs.Count);
        Assert.Contains("limit=3&", Emulator.Requests.Single(r => r.Path == PortraitRuns).Query, StringComparison.Ordinal);
    }

    [Fact]
    public void All_pages_together_contain_every_run_once()
    {
        Assert.Equal(230, Engine.Run("Get-ComfyRun -Workflow portrait").Runs.Select(r => r.RunId).Distinct().Count());
        Assert.Equal(["limit=100&offset=0", "limit=200&offset=100"], Emulator.Requests.Where(r => r.Path == PortraitRuns).Select(r => r.Query));
    }

    [Theory]
    [InlineData("not-started")]
    [InlineData("NotStarted -First 240")]
    public void All_runs_of_a_status_can_be_stopped_while_they_are_listed(string status)
    {
        int waiting = Emulator.Runs.Count(run => run.Status == "not-started");
        EngineRun run = Engine.Run($"Get-ComfyRun -Workflow portrait -Status {status} | Stop-ComfyRun -PassThru");
        Assert.Equal(waiting, run.Objects.Count);
        Assert.DoesNotContain(Emulator.Runs, r => r.Status == "not-started");
    }

    [Fact]
    public void A_run_that_arrives_between_two_pages_causes_no_duplicate()
    {
        EngineRun run = Engine.Run("$n = 0; Get-ComfyRun -Workflow portrait | ForEach-Object { if ($n++ -eq 50) { $null = Start-ComfyRun portrait }; $_ }");
        Assert.Equal(230, run.Runs.Count);
        Assert.Equal(230, run.Runs.Select(r => r.RunId).Distinct().Count());
    }
}
