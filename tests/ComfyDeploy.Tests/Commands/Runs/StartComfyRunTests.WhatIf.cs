using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun -WhatIf: the last line estimates the cost from earlier runs.</summary>
public sealed class StartComfyRunWhatIfTests : EngineTest
{
    private const string PlanOfTwo = "'a', 'b' | Start-ComfyRun portrait -InputName prompt -WhatIf";

    [Fact]
    public void The_cost_is_the_10th_to_the_90th_percentile_of_earlier_runs_times_the_number()
    {
        // Ten runs without a cold start, in no order: those of 10 s and of 90 s count.
        RunBefore("portrait", 70, 10, 100, 40, 20, 90, 30, 80, 50, 60);
        EngineRun run = Engine.Run("New-ComfyInputGrid ([ordered]@{ cfg = 4, 7, 8; seed = 1..4 }) | Start-ComfyRun -Deployment portrait -WhatIf");
        Assert.Equal(
            "What if: 12 runs would be queued: 12 on A10G at 0.000337 USD a second each; about 0.0404 to 0.364 USD in all.",
            run.Information[^1].ToString());
        EmulatorRequest request = Assert.Single(Lists(PortraitRuns));
        Assert.Contains("status=success", request.Query, StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_that_cost_the_same_have_one_price()
    {
        RunBefore("portrait", 100);
        Assert.EndsWith(" each; about 0.0674 USD in all.", LastLine(PlanOfTwo), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("portrait", "#fail", PlanOfTwo)]
    [InlineData("portrait/preview", "x", PlanOfTwo)]
    [InlineData("portrait/staging -Gpu T4", "x", "Start-ComfyRun portrait/staging -Gpu H100 -WhatIf")]
    public void Failed_runs_other_deployments_and_other_GPUs_say_nothing(string deployment, string prompt, string plan)
    {
        Engine.Run($"Start-ComfyRun {deployment} -Inputs @{{ prompt = '{prompt}' }}");
        LetAllEnd();
        Assert.EndsWith(" each; no earlier runs to estimate from.", LastLine(plan), StringComparison.Ordinal);
        Assert.Single(Lists(PortraitRuns));
    }

    [Fact]
    public void Each_deployment_has_its_own_history()
    {
        RunBefore("portrait", 100);
        const string plan = "@{ d = 'portrait' }, @{ d = 'portrait' }, @{ d = 'animate/staging' } | Start-ComfyRun -DeploymentColumn d -WhatIf";
        Assert.EndsWith("; about 0.0674 USD for 2 of them.", LastLine(plan), StringComparison.Ordinal);
        Assert.Equal(2, Lists("/api/v2/workflow/").Count);
    }

    [Theory]
    [InlineData("GET /v2/workflow/* = 500 always")]
    [InlineData("GET /v2/workflow/* = 429 retry-after=600 always")]
    [InlineData("GET /v2/workflow/* = 401 always")]
    public void A_list_that_fails_leaves_the_estimate_out_and_is_not_repeated(string fault)
    {
        RunBefore("portrait", 100);
        Emulator.AddFault(fault);
        EngineRun run = Engine.Run(PlanOfTwo);
        Assert.EndsWith(" 0.000337 USD a second each.", run.Information[^1].ToString(), StringComparison.Ordinal);
        Assert.Empty(run.Warnings);
        Assert.Single(Lists(PortraitRuns));
    }

    [Fact]
    public void Without_prices_no_list_is_requested()
    {
        Emulator.AddFault("GET /platform/gpu-pricing = 500 always");
        Assert.Equal("What if: 2 runs would be queued: 2 on A10G.", LastLine(PlanOfTwo));
        Assert.Empty(Lists(PortraitRuns));
    }

    [Theory]
    [InlineData("Start-ComfyRun portrait")]
    [InlineData("@{} | Where-Object { $false } | Start-ComfyRun -Deployment portrait -WhatIf")]
    public void Without_a_preview_no_list_is_requested(string script)
    {
        Engine.Run(script);
        Assert.Empty(Lists(PortraitRuns));
    }

    [Fact]
    public void A_piped_deployment_needs_no_default_connection()
    {
        EngineRun run = Engine.Run("$deployment = Get-ComfyDeployment portrait/production; $PSDefaultParameterValues.Clear(); $deployment | Start-ComfyRun -WhatIf");
        Assert.StartsWith("What if: 1 run would be queued: 1 on A10G at ", run.Information[^1].ToString(), StringComparison.Ordinal);
    }

    private List<EmulatorRequest> Lists(string path) =>
        [.. Emulator.Requests.Where(request => request.Method == "GET" && request.Path.StartsWith(path, StringComparison.Ordinal))];

    private string LastLine(string script) => Engine.Run(script).Information[^1].ToString();

    private void RunBefore(string deployment, params int[] seconds)
    {
        Engine.Run(
            "$seconds | ForEach-Object { \"#queue=0 #cold=0 #time=$_\" } | Start-ComfyRun -Deployment $deployment -InputName prompt",
            ("seconds", seconds),
            ("deployment", deployment));
        LetAllEnd();
    }
}
