using ComfyDeploy.Client;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Tab in a fresh session: what it offers, how many requests it costs, and that it never disturbs.</summary>
public sealed class CompletionTests : EngineTest
{
    private readonly ManualClock _clock = new() { Runs = false };
    private readonly ComfyConnection _fresh;

    public CompletionTests()
    {
        _fresh = ConnectionTo(Emulator, "fresh");
        ApiSession.Attach(new(_fresh, new HttpClientHandler(), _clock));
        Engine.Set("fresh", _fresh);
        Engine.Run("$PSDefaultParameterValues = @{ '*-Comfy*:Connection' = $fresh }");
    }

    /// <summary>Each line, a word that it offers, and the requests of the first Tab.</summary>
    public static TheoryData<string, string, int> Lines => new()
    {
        { "Start-ComfyRun port", "portrait/production", 2 },
        { "Start-ComfyRun -Deployment port", "portrait/staging", 2 },
        { "Start-ComfyRun -Deployment UPSC", "upscale-4k/production", 2 },
        { "Get-ComfyDeployment port", "portrait/production", 2 },
        { "Get-ComfyDeploymentInput port", "portrait/production", 2 },
        { "Get-ComfyRun -Deployment portrait/production, up", "upscale-4k/staging", 2 },
        { "Get-ComfyRun -Workflow port", "portrait", 1 },
        { "Get-ComfyDeployment -Workflow anim", "animate", 1 },
        { "Start-ComfyRun -WorkflowVersion x -Machine gpu", "gpu-a10g", 1 },
        { "1 | Start-ComfyRun portrait -InputName s", "seed", 2 },
        { "1 | Start-ComfyRun -Deployment portrait/staging -InputName s", "seed", 2 },
        { "Import-Csv x.csv | Start-ComfyRun portrait -LabelColumn pr", "prompt", 2 },
        { "Start-ComfyRun portrait -Environment st", "staging", 2 },
        { "Get-ComfyRun -Deployment portrait -Environment p", "production", 2 },
        { "Get-ComfyRun -Environment com", "community-share", 0 },
        { "Start-ComfyRun portrait -Gpu A100", "A100-80GB", 1 },
        { "Get-ComfyRun -Gpu h", "H200", 1 },
        { "Get-ComfyRun -Status f", "failed", 0 },
        { "Get-ComfyRun -Origin m", "manual", 0 },
        { "Get-ComfyRun -After yes", "yesterday", 0 },
        { "Get-ComfyRun -Before t", "today", 0 },
        { "Invoke-ComfyApi /workfl", "/workflows", 0 },
        { "Invoke-ComfyApi workfl", "workflows", 0 },
        { "Invoke-ComfyApi /run", "'/run/{run_id}'", 0 },
        { "Invoke-ComfyApi /workflow/1234/ver", "/workflow/1234/versions", 0 },
        { "Save-ComfyRunOutput -NameTemplate '{La", "'{Label}", 0 },
        { "Save-ComfyRunOutput -NameTemplate '{Label}_{run", "'{Label}_{RunId:12}", 0 },
        { "Save-ComfyRunOutput -NameTemplate \"{Index:00}/", "\"{Index:00}/{Extension}", 0 },
        { "Save-ComfyRunOutput -NameTemplate '{Input.pr", "'{Input.prompt}", 2 },
        { "Start-ComfyEmulator -Fault 'GET /run", "'GET /run/* = ", 0 },
        { "Start-ComfyEmulator -Fault 'GET /run/* = lat", "'GET /run/* = latency 500ms always'", 0 },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public void A_fresh_session_offers_the_word_for_at_most_one_step_of_requests(string line, string word, int requests)
    {
        // On a busy machine the answer may come after the second that a key press waits, for the next one.
        Assert.True(SpinWait.SpinUntil(() => Engine.Tab(line).Contains(word), TimeSpan.FromSeconds(20)), $"{word} is not offered.");
        Assert.Equal(requests, Emulator.Requests.Count);
        // Within a minute the second Tab sends nothing.
        _clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Contains(word, Engine.Tab(line));
        Assert.Equal(requests, Emulator.Requests.Count);
        AssertSilent();
    }

    [Fact]
    public void After_a_minute_the_list_is_read_again()
    {
        Engine.Tab("Start-ComfyRun p");
        Engine.Tab("Get-ComfyRun -Workflow p");
        Assert.Equal(3, Emulator.Requests.Count);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Engine.Tab("Start-ComfyRun p");
        Engine.Tab("Get-ComfyRun -Workflow p");
        Assert.Equal(6, Emulator.Requests.Count);
    }

    [Fact]
    public void Tab_and_the_cmdlets_share_one_list()
    {
        Engine.Run("Get-ComfyDeploymentInput portrait");
        Engine.Tab("Start-ComfyRun port");
        Assert.Equal(2, Emulator.Requests.Count);
        Engine.Run("Get-ComfyRun");
        int before = Emulator.Requests.Count;
        Assert.Contains("portrait", Engine.Tab("Get-ComfyRun -Workflow port"));
        Assert.Equal(before, Emulator.Requests.Count);
    }

    [Fact]
    public void What_Tab_read_serves_the_cmdlets()
    {
        Engine.Tab("Start-ComfyRun port");
        Engine.Run("Get-ComfyDeploymentInput portrait");
        Assert.Equal(2, Emulator.Requests.Count);
    }

    [Theory]
    [InlineData("* * = 500 always")]
    [InlineData("* * = 401 always")]
    [InlineData("* * = reset always")]
    [InlineData("* * = truncate always")]
    [InlineData("* * = wrongtypes always")]
    public void A_failure_is_silent_and_cached(string fault)
    {
        Emulator.AddFault(fault);
        Assert.Empty(Engine.Tab("Start-ComfyRun port"));
        int before = Emulator.Requests.Count;
        Assert.Empty(Engine.Tab("Start-ComfyRun port"));
        Assert.Equal(before, Emulator.Requests.Count);
        AssertSilent();
        Emulator.ClearFaults();
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Contains("portrait", Engine.Tab("Start-ComfyRun port"));
    }

    [Fact]
    public void A_list_that_the_service_refuses_does_not_affect_the_others()
    {
        Emulator.AddFault("GET /deployments = 500 always");
        Assert.Empty(Engine.Tab("Start-ComfyRun port"));
        Assert.Contains("portrait", Engine.Tab("Get-ComfyRun -Workflow port"));
        AssertSilent();
    }

    [Fact]
    public void A_service_that_does_not_answer_is_waited_for_once_whatever_is_completed()
    {
        Emulator.AddFault("* * = hang always");
        Assert.Empty(Engine.Tab("Start-ComfyRun port"));
        int before = Emulator.Requests.Count;
        Assert.Equal(2, before);
        Assert.Empty(Engine.Tab("Start-ComfyRun port"));
        Assert.Empty(Engine.Tab("Get-ComfyRun -Workflow port"));
        Assert.Contains("H100", Engine.Tab("Start-ComfyRun portrait -Gpu H"));
        Assert.Contains("staging", Engine.Tab("Start-ComfyRun portrait -Environment s"));
        Assert.Equal(before, Emulator.Requests.Count);
        AssertSilent();
    }

    [Fact]
    public void An_answer_that_is_late_serves_the_next_Tab()
    {
        Emulator.AddFault("GET /deployments = latency 1500ms x2");
        Assert.Empty(Engine.Tab("Start-ComfyRun port"));
        ApiSession session = ApiSession.For(_fresh);
        Assert.True(SpinWait.SpinUntil(() => session.Deployments.Last.Count > 0, EngineFixture.Limit));
        Assert.Contains("portrait", Engine.Tab("Start-ComfyRun port"));
        Assert.Equal(2, Emulator.Requests.Count);
    }

    [Fact]
    public void A_failed_Tab_does_not_keep_a_cmdlet_from_asking()
    {
        Emulator.AddFault("GET /deployments = 500 x2");
        Assert.Empty(Engine.Tab("Start-ComfyRun port"));
        Assert.NotEmpty(Engine.Run("Get-ComfyDeployment").Objects);
        Assert.Contains("portrait", Engine.Tab("Start-ComfyRun port"));
    }

    [Fact]
    public void A_server_that_is_gone_offers_nothing()
    {
        Emulator.Stop();
        Assert.Empty(Engine.Tab("Start-ComfyRun port"));
        Assert.Empty(Engine.Tab("Get-ComfyRun -Workflow port"));
        AssertSilent();
    }

    [Theory]
    [InlineData("$PSDefaultParameterValues = @{}")]
    [InlineData("$PSDefaultParameterValues = @{ '*-Comfy*:Connection' = 'nothing' }")]
    [InlineData("$PSDefaultParameterValues = $null")]
    public void Without_a_connection_there_is_no_request(string script)
    {
        Engine.Run(script);
        Assert.Empty(Engine.Tab("Start-ComfyRun port"));
        Assert.Empty(Engine.Tab("Get-ComfyRun -Workflow port"));
        Assert.Empty(Engine.Tab("Get-ComfyRun 1"));
        Assert.Contains("H100", Engine.Tab("Start-ComfyRun portrait -Gpu H"));
        Assert.Empty(Emulator.Requests);
        AssertSilent();
    }

    [Fact]
    public void The_connection_of_the_command_is_the_one_that_is_asked()
    {
        using ComfyDeploy.Emulator.ComfyEmulator other = ComfyDeploy.Emulator.ComfyEmulator.Start(new() { Speed = 0 });
        Engine.Set("other", ConnectionTo(other, "other"));
        Assert.Contains("portrait/staging", Engine.Tab("Start-ComfyRun -Connection $other -Deployment port"));
        Assert.Empty(Emulator.Requests);
        Assert.Equal(2, other.Requests.Count);
    }

    [Fact]
    public void Runs_are_offered_newest_first_with_what_is_known_of_them()
    {
        string[] ids = [.. Start("a", "b")];
        string labeled = Engine.Run("[pscustomobject]@{ prompt = 'c'; shot = 'a 07' } | Start-ComfyRun portrait -LabelColumn shot").Runs[0].RunId!;
        int before = Emulator.Requests.Count;
        foreach (string cmdlet in (string[])["Get-ComfyRun", "Wait-ComfyRun", "Stop-ComfyRun", "Get-ComfyRunOutput", "Save-ComfyRunOutput -RunId"])
        {
            Assert.Equal([labeled, ids[1], ids[0]], Engine.Tab($"{cmdlet} "));
        }
        Assert.Equal("a 07 · portrait/production · not-started", Engine.Complete("Get-ComfyRun ").CompletionMatches[0].ToolTip);
        Assert.Equal([ids[0]], Engine.Tab($"Stop-ComfyRun {ids[0][..13]}"));
        Assert.Equal(before, Emulator.Requests.Count);
        LetAllEnd();
        Engine.Run("Get-ComfyRun $id", ("id", ids[0]));
        Assert.EndsWith("success", Engine.Complete($"Get-ComfyRun {ids[0]}").CompletionMatches[0].ToolTip, StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_that_were_listed_are_offered_too()
    {
        string[] ids = [.. Start("a", "b")];
        ComfyConnection later = ConnectionTo(Emulator, "later");
        ApiSession.Attach(new(later, new HttpClientHandler(), _clock));
        Engine.Run("$PSDefaultParameterValues = @{ '*-Comfy*:Connection' = $later }", ("later", later));
        Assert.Empty(Engine.Tab("Get-ComfyRun "));
        Engine.Run("Get-ComfyRun -Workflow portrait");
        Assert.Equal([ids[1], ids[0]], Engine.Tab("Get-ComfyRun ").Take(2));
        Assert.Equal("portrait/production · queued", Engine.Complete("Get-ComfyRun ").CompletionMatches[0].ToolTip);
    }

    [Fact]
    public void The_environments_are_those_of_the_deployment()
    {
        Assert.Equal(["preview", "production", "staging"], Engine.Tab("Start-ComfyRun portrait -Environment "));
        Assert.Equal(["staging"], Engine.Tab("Get-ComfyRun -Deployment portrait/staging -Environment "));
        Assert.Equal(6, Engine.Tab("Get-ComfyRun -Environment ").Count);
        Assert.Equal(6, Engine.Tab("Start-ComfyRun nothing -Environment ").Count);
    }

    [Fact]
    public void A_deployment_in_a_variable_counts_as_typed()
    {
        Engine.Run("$dep = Get-ComfyDeployment portrait/production");
        Assert.Contains("prompt", Engine.Tab("'x' | Start-ComfyRun -Deployment $dep -InputName p"));
        Assert.Equal(["production"], Engine.Tab("Start-ComfyRun $dep -Environment "));
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("with space", "'with space'")]
    [InlineData("it's", "'it''s'")]
    [InlineData("[draft", "'[draft'")]
    [InlineData("$(calc)", "'$(calc)'")]
    [InlineData("-dash", "'-dash'")]
    public void A_name_of_any_characters_is_typed_in_quotes_where_it_needs_them(string name, string typed)
    {
        SetDeployments(name, "\u001b[2Jevil", "");
        Assert.Contains(typed, Engine.Tab("Start-ComfyRun -Deployment "));
        Assert.DoesNotContain(Engine.Tab("Start-ComfyRun -Deployment "), text => text.Contains('\u001b', StringComparison.Ordinal) || text.Trim('\'').Length == 0);
        string line = Assert.Single(Engine.Lines($"Start-ComfyRun -Deployment '{name.Replace("'", "''", StringComparison.Ordinal)}/"));
        Assert.Equal($"Start-ComfyRun -Deployment {CommandLine.Quote($"{name}/production")}", line);
        Assert.NotEmpty(Engine.Tab($"Get-ComfyRun -Deployment \"{name[..2].Replace("$", "`$", StringComparison.Ordinal)}"));
        AssertSilent();
    }

    [Fact]
    public void Every_offered_placeholder_is_valid()
    {
        foreach (Suggestion token in OutputNameTemplate.Tokens) _ = new OutputNameTemplate($"{token.Word}_x");
        Assert.Equal(OutputNameTemplate.Tokens.Count + 1, Engine.Tab("Save-ComfyRunOutput -NameTemplate ").Count);
        Assert.Equal(["'{Index:00}", "'{Input."], Engine.Tab("Save-ComfyRunOutput -NameTemplate '{In"));
        Assert.Empty(Emulator.Requests);
        Assert.Equal("Save-ComfyRunOutput -NameTemplate '{Label}", Assert.Single(Engine.Lines("Save-ComfyRunOutput -NameTemplate '{La")));
    }

    [Fact]
    public void Every_offered_fault_is_valid()
    {
        foreach (string request in Engine.Tab("Start-ComfyEmulator -Fault '"))
        {
            IReadOnlyList<string> faults = Engine.Tab($"Start-ComfyEmulator -Fault {request}");
            Assert.True(faults.Count > 10);
            foreach (string fault in faults) Emulator.AddFault(fault.Trim('\''));
        }
    }

    [Fact]
    public void The_open_connections_are_offered() => Assert.Empty(Engine.Tab("Get-ComfyRun -Connection nothing-like-it"));

    private void SetDeployments(params string[] workflows)
    {
        ComfyDeployment[] deployments = [.. workflows.Select(name => new ComfyDeployment { Name = name, Environment = "production" })];
        ApiSession.For(_fresh).Deployments.Set(deployments, _clock.Now);
    }

    private void AssertSilent() => Assert.Equal("0", Engine.Run("\"$($Error.Count)\"").Objects.Single().ToString());
}
