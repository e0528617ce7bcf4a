using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun -DeploymentColumn: each row names its deployment.</summary>
public sealed class StartComfyRunColumnTests : EngineTest
{
    private const string Upscale = "00000033-0000-4000-8000-000000000033";

    [Fact]
    public void Each_row_runs_on_the_deployment_it_names()
    {
        EngineRun run = Engine.Run("""
            & {
                [pscustomobject]@{ Flow = 'portrait/production'; prompt = 'a'; shot = 's1' }
                [pscustomobject]@{ Flow = 'upscale-4k'; scale = '2'; shot = 's2' }
                @{ flow = '00000035-0000-4000-8000-000000000035'; prompt = 'c'; shot = 's3' }
                @{ flow = Get-ComfyDeployment portrait/staging; prompt = 'd'; shot = 's4' }
            } | Start-ComfyRun -DeploymentColumn flow -LabelColumn shot
            """);
        Assert.Equal(["portrait/production", "upscale-4k/production", "animate/staging", "portrait/staging"], run.Runs.Select(r => r.DeploymentName));
        Assert.Equal(["s1", "s2", "s3", "s4"], run.Runs.Select(r => r.Label));
        Assert.Equal(["""{"prompt":"a"}""", """{"scale":2}""", """{"prompt":"c"}""", """{"prompt":"d"}"""], run.Runs.Select(r => r.Inputs!.ToString()));
        Assert.Equal(4, Emulator.Runs.Count);
    }

    [Fact]
    public void A_deployment_that_does_not_exist_refuses_its_own_rows_and_is_asked_for_once()
    {
        EngineRun run = Engine.Run("""
            1..9 | ForEach-Object { [pscustomobject]@{ flow = ('portrait/production', 'nope', 'upscale-4k')[$_ % 3]; } } |
                Start-ComfyRun -DeploymentColumn flow
            """);
        Assert.Equal(["nope", "nope", "nope"], run.Runs.Where(r => r.Status == "not-queued").Select(r => r.DeploymentName));
        Assert.All(run.Runs.Where(r => r.Status == "not-queued"), r => Assert.Contains("There is no deployment 'nope'", r.Error, StringComparison.Ordinal));
        Assert.Equal(6, Emulator.Runs.Count);
        Assert.Equal(3, run.Warnings.Count);
        // The list has two halves; a name that is not in it is looked for in a fresh one.
        Assert.InRange(Count("GET", "/api/deployments"), 2, 4);
    }

    [Fact]
    public void A_deployment_that_vanishes_refuses_the_rest_of_its_rows_and_the_others_finish()
    {
        Emulator.AddFault($"POST /run/deployment/queue = 404 after=10 always body={Upscale}");
        EngineRun run = Engine.Run("""
            0..89 | ForEach-Object { [pscustomobject]@{ flow = ('portrait/production', 'upscale-4k', 'portrait/staging')[$_ % 3] } } |
                Start-ComfyRun -DeploymentColumn flow
            """);
        Assert.Equal(90, run.Runs.Count);
        Assert.Equal(Enumerable.Repeat<string[]>(["portrait/production", "upscale-4k/production", "portrait/staging"], 30).SelectMany(names => names), run.Runs.Select(r => r.DeploymentName));
        Assert.Equal(20, run.Runs.Count(r => r.Status == "not-queued"));
        Assert.All(run.Runs.Where(r => r.Status == "not-queued"), r => Assert.Equal("upscale-4k/production", r.DeploymentName));
        Assert.Equal(70, Emulator.Runs.Count);
        // Those under way when the first 404 came, and no more.
        Assert.InRange(Count("POST", Queue), 71, 70 + 8);
    }

    [Fact]
    public void A_column_that_the_first_row_does_not_have_ends_everything_before_a_request()
    {
        EngineRun run = Engine.RunWithErrors("[pscustomobject]@{ prompt = 'a' } | Start-ComfyRun -DeploymentColumn flow");
        Assert.Contains("no column 'flow' for -DeploymentColumn", run.Error(ErrorIds.UnknownInput).ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Requests);
    }

    [Fact]
    public void A_row_without_a_deployment_or_with_a_wrong_input_is_refused_alone()
    {
        EngineRun run = Engine.Run("""
            & {
                [pscustomobject]@{ flow = ''; prompt = 'a' }
                [pscustomobject]@{ flow = 'upscale-4k'; prompt = 'b' }
                [pscustomobject]@{ flow = 'portrait'; prompt = 'c' }
            } | Start-ComfyRun -DeploymentColumn flow
            """);
        Assert.Equal(["not-queued", "not-queued", "not-started"], run.Runs.Select(r => r.Status));
        Assert.Contains("names no deployment in column 'flow'", run.Runs[0].Error, StringComparison.Ordinal);
        Assert.Contains("has no input 'prompt'", run.Runs[1].Error, StringComparison.Ordinal);
        Assert.Equal("""{"prompt":"a"}""", run.Runs[0].Inputs!.ToString());
    }

    [Fact]
    public void A_rejected_key_ends_everything_as_long_as_nothing_is_queued()
    {
        Emulator.AddFault("GET /deployments = 401 always");
        EngineRun run = Engine.RunWithErrors("1..3 | ForEach-Object { [pscustomobject]@{ flow = 'portrait' } } | Start-ComfyRun -DeploymentColumn flow");
        run.Error(ErrorIds.ApiKeyRejected);
        Assert.Empty(run.Objects);
    }

    [Fact]
    public void A_row_that_is_piped_as_a_deployment_is_refused()
    {
        EngineRun run = Engine.RunWithErrors($"[pscustomobject]@{{ DeploymentId = '{Upscale}'; prompt = 'mine' }} | Start-ComfyRun");
        Assert.Contains("-DeploymentColumn DeploymentId", run.Error(ErrorIds.InputRowInvalid).ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Runs);
        Engine.Run($"[pscustomobject]@{{ DeploymentId = '{Upscale}'; Name = 'upscale-4k'; Gpu = 'H100' }} | Start-ComfyRun");
        Assert.Single(Emulator.Runs);
    }

    [Fact]
    public void A_property_whose_script_fails_refuses_its_row()
    {
        EngineRun run = Engine.Run("""
            $row = [pscustomobject]@{ flow = 'portrait'; prompt = 'a' }
            $row.PSObject.Properties.Add([psscriptproperty]::new('seed', { throw 'boom' }))
            $row, [pscustomobject]@{ flow = 'portrait'; prompt = 'b' } | Start-ComfyRun -DeploymentColumn flow
            """);
        Assert.Equal(["not-queued", "not-started"], run.Runs.Select(r => r.Status));
        Assert.Contains("'seed' cannot be read", run.Runs[0].Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_refuses_one_account_does_not_refuse_the_rows_of_another()
    {
        using ComfyEmulator other = ComfyEmulator.Start(new() { Speed = 0 });
        Emulator.AddFault("POST /run/deployment/queue = 402 after=1 always");
        EngineRun run = Engine.RunWithErrors("""
            $PSDefaultParameterValues.Clear()
            $one = Get-ComfyDeployment portrait/production -Connection $c
            $two = Get-ComfyDeployment portrait/production -Connection $other
            1..20 | ForEach-Object { [pscustomobject]@{ flow = ($one, $two)[$_ % 2] } } | Start-ComfyRun -DeploymentColumn flow
            """, ("other", ConnectionTo(other, "other")));
        Assert.Equal((1, 10), (Emulator.Runs.Count, other.Runs.Count));
        Assert.Equal(20, run.Runs.Count);
        run.Error(ErrorIds.LimitReached);
    }

    [Fact]
    public void It_waits_too()
    {
        Emulator.AddFault("POST /run/deployment/queue = 404 after=1 body=" + Upscale);
        EngineRun run = Engine.RunWithErrors("""
            0..3 | ForEach-Object { [pscustomobject]@{ flow = ('portrait', 'upscale-4k')[$_ % 2] } } |
                Start-ComfyRun -DeploymentColumn flow -Wait -Timeout 1
            """);
        Assert.Equal(["not-queued", "not-started", "not-started", "not-started"], run.Runs.Select(r => r.Status).Order());
    }
}
