using System.Management.Automation;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Client;

namespace ComfyDeploy.Tests.Commands;

/// <summary>The bars of a wait can be written whatever the service says.</summary>
public sealed class WaitProgressTests
{
    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("\u0007\u001b")]
    [InlineData(null)]
    public void A_run_that_says_nothing_has_no_bar(string? liveStatus)
    {
        ComfyRun silent = new() { RunId = ClientUnderTest.RunId, LiveStatus = liveStatus };
        ComfyRun speaking = new() { RunId = ClientUnderTest.RunId, LiveStatus = "Executing \u0007KSampler", PercentComplete = 42 };
        ProgressRecord bar = Assert.Single(WaitProgress.RunBars([silent, speaking], parent: 10));
        Assert.Equal((11, 10, "Executing KSampler", 42), (bar.ActivityId, bar.ParentActivityId, bar.StatusDescription, bar.PercentComplete));
    }

    [Fact]
    public void The_five_runs_nearest_their_end_have_bars()
    {
        ComfyRun[] live = [.. Enumerable.Range(0, 9).Select(i => new ComfyRun { RunId = ClientUnderTest.RunId, LiveStatus = "x", PercentComplete = i * 10 })];
        Assert.Equal([80, 70, 60, 50, 40], WaitProgress.RunBars(live, parent: 0).Select(bar => bar.PercentComplete));
    }
}
