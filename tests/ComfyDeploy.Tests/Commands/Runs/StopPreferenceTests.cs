using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>A preference of Stop on any stream ends the pipeline, but not before the runs that are paid for are written or named.</summary>
public sealed class StopPreferenceTests() : EngineTest(speed: 100)
{
    private const string Rows = "1..3 | ForEach-Object { @{ prompt = '#fast'; seed = $_ } }";

    [Theory]
    [InlineData("$WarningPreference = 'Stop'", "POST /run/deployment/queue = 429 retry-after=0 after=1")]
    [InlineData("$DebugPreference = 'Stop'", null)]
    [InlineData("$VerbosePreference = 'Stop'", null)]
    [InlineData("$InformationPreference = 'Stop'", null)]
    [InlineData("$ErrorActionPreference = 'Stop'", "POST /run/deployment/queue = 422 after=1")]
    [InlineData("$ErrorActionPreference = 'Stop'; $WarningPreference = 'Stop'", "POST /run/deployment/queue = 422 after=1")]
    public void Every_run_on_the_service_is_in_the_output_or_named(string preference, string? fault)
    {
        string[] pipelines =
        [
            "Start-ComfyRun -Deployment portrait",
            "Start-ComfyRun -Deployment portrait -Wait",
            "Start-ComfyRun -Deployment portrait | Wait-ComfyRun",
            "Start-ComfyRun -Deployment portrait | Wait-ComfyRun -InOrder",
        ];
        foreach (string pipeline in pipelines)
        {
            Emulator.ClearFaults();
            if (fault is not null) Emulator.AddFault(fault);
            int before = Emulator.Runs.Count;
            EngineRun run = Engine.RunWithErrors($"{preference}; {Rows} | {pipeline}");
            string text = string.Join(' ', run.Runs.Select(r => r.RunId).Concat(run.Warnings).Concat(run.Errors.Select(e => e.ToString())));
            Assert.All(Emulator.Runs.Skip(before), r => Assert.Contains(r.RunId, text, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_run_comes_out_before_a_debug_line_ends_the_pipeline()
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait @{ prompt = 'x' } -ErrorAction Stop -WarningAction Stop", ("DebugPreference", System.Management.Automation.ActionPreference.Stop));
        Assert.True(run.Threw);
        Assert.Equal(Emulator.Runs.Select(r => r.RunId), run.Runs.Select(r => r.RunId));
    }

    [Theory]
    [InlineData("Start-ComfyRun -Deployment portrait -Wait -Timeout 10m")]
    [InlineData("Start-ComfyRun -Deployment portrait | Wait-ComfyRun -Timeout 10m")]
    public void A_command_that_fails_behind_it_does_not_hide_the_other_runs(string pipeline)
    {
        EngineRun run = Engine.RunWithErrors($"{Rows} | {pipeline} | ForEach-Object {{ $_; throw 'boom' }}");
        Assert.Single(run.Runs);
        Assert.All(Emulator.Runs, r => Assert.Contains(r.RunId, string.Join(' ', run.Runs.Select(o => o.RunId).Append(run.Shown)), StringComparison.Ordinal));
    }

    [Fact]
    public void A_command_that_fails_before_it_does_not_hide_the_runs()
    {
        EngineRun run = Engine.RunWithErrors($"& {{ {Rows}; throw 'boom' }} | Start-ComfyRun -Deployment portrait | Wait-ComfyRun -InOrder");
        Assert.Equal(3, Emulator.Runs.Count);
        Assert.All(Emulator.Runs, r => Assert.Contains(r.RunId, string.Join(' ', run.Runs.Select(o => o.RunId).Append(run.Shown)), StringComparison.Ordinal));
    }
}
