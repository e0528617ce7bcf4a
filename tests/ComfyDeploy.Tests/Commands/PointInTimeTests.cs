using System.Management.Automation;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>-After and -Before: dates, words, and how long ago.</summary>
public sealed class PointInTimeTests : EngineTest
{
    [Theory]
    [InlineData("1w", 7 * 24)]
    [InlineData("7d", 7 * 24)]
    [InlineData("1d", 24)]
    [InlineData("2h", 2)]
    [InlineData("'2h'", 2)]
    [InlineData("1.5h", 1.5)]
    [InlineData("90m", 1.5)]
    [InlineData("90s", 0.025)]
    [InlineData("'1W'", 7 * 24)]
    public void A_duration_means_that_long_ago(string argument, double hours)
    {
        DateTime before = DateTime.Now;
        DateTime read = Read(argument);
        Assert.InRange(read, before.AddHours(-hours), DateTime.Now.AddHours(-hours));
        Assert.Equal(DateTimeKind.Local, read.Kind);
    }

    [Theory]
    [InlineData("today", 0)]
    [InlineData("yesterday", -1)]
    [InlineData("'Yesterday '", -1)]
    public void A_word_means_the_beginning_of_the_day(string argument, int days) =>
        Assert.Equal((DateTime.Today.AddDays(days), DateTimeKind.Local), (Read(argument), Read(argument).Kind));

    [Theory]
    [InlineData("tomorrow")]
    [InlineData("1y")]
    [InlineData("w")]
    public void Other_words_are_refused_with_what_is_accepted(string argument)
    {
        ErrorRecord error = Engine.RunWithErrors($"Get-ComfyRun -After {argument}").Error("ParameterArgumentTransformationError");
        Assert.Contains("today, yesterday", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("1w", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_is_limited_by_them()
    {
        Start("a", "b");
        Assert.Equal(2, Engine.Run("Get-ComfyRun -Workflow portrait -After 1w").Runs.Count(run => run.Origin == "api"));
        Assert.Empty(Engine.Run("Get-ComfyRun -Workflow portrait -Before yesterday -After 1w | Where-Object Origin -eq 'api'").Objects);
    }

    [Fact]
    public void A_week_is_a_duration_too() => Assert.Equal(TimeSpan.FromDays(7), DurationAttribute.Parse("1w"));

    /// <summary>What a parameter reads from an argument as it is typed.</summary>
    private DateTime Read(string argument)
    {
        EngineRun run = Engine.Run($"function read {{ param([ComfyDeploy.Commands.PointInTime()][datetime]$After) $After }}; read -After {argument}");
        return run.One<DateTime>();
    }
}
