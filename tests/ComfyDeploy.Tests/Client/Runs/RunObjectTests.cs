using System.Management.Automation;

namespace ComfyDeploy.Tests.Client;

/// <summary>The computed properties of a run: its state, its percentage, the order of its members.</summary>
public sealed class RunObjectTests
{
    // The columns of a CSV file, in order: files that users keep depend on it.
    private const string Columns = "RunId, DeploymentName, WorkflowName, Label, Status, IsFinished, IsSuccess, Error, Gpu, CreatedAt, QueuedAt, StartedAt, EndedAt, " +
        "QueueSeconds, ColdStartSeconds, RunSeconds, TotalSeconds, EstimatedCost, PercentComplete, LiveStatus, QueuePosition, OutputCount, OutputUrl, Outputs, Inputs, " +
        "DeploymentId, WorkflowId, WorkflowVersionId, MachineId, MachineType, BatchId, Origin, UserId, OrgId, RestartOf, ConnectionName";

    [Theory]
    [InlineData("not-started", false, false)]
    [InlineData("queued", false, false)]
    [InlineData("started", false, false)]
    [InlineData("running", false, false)]
    [InlineData("uploading", false, false)]
    [InlineData("success", true, true)]
    [InlineData("failed", true, true)]
    [InlineData("timeout", true, true)]
    [InlineData("cancelled", true, true)]
    [InlineData("not-queued", true, true)]
    [InlineData("word-to-come", false, true)]
    [InlineData("", false, true)]
    [InlineData(null, false, false)]
    public void A_known_status_is_sufficient_and_an_unknown_one_needs_an_end(string? status, bool finishedWithoutEnd, bool finishedWithEnd)
    {
        ComfyRun run = new() { Status = status };
        Assert.Equal(finishedWithoutEnd, run.IsFinished);
        Assert.Equal(finishedWithEnd, new ComfyRun { Status = status, EndedAt = DateTime.Now }.IsFinished);
        Assert.Equal(status == "success", run.IsSuccess);
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("0.004", 0)]
    [InlineData("0.9200000166893005", 92)]
    [InlineData("0.3300000131130219", 33)]
    [InlineData("0.28999999165534973", 29)]
    [InlineData("0.999", 100)]
    [InlineData("1", 100)]
    [InlineData("1.0000001192092896", 100)]
    [InlineData("7", 100)]
    [InlineData("-1", 0)]
    [InlineData("\"0.42\"", 42)]
    [InlineData("null", null)]
    [InlineData("\"NaN\"", null)]
    [InlineData("{}", null)]
    public void The_percentage_is_an_integer_from_0_to_100(string progress, int? percent) =>
        Assert.Equal(percent, Recorded.ToRun($$"""{"progress":{{progress}}}""").PercentComplete);

    [Fact]
    public void The_age_uses_the_clock_that_set_the_date()
    {
        TimeSpan ahead = TimeSpan.FromHours(3);
        ComfyRun run = new() { Status = "running", CreatedAt = DateTime.Now + ahead - TimeSpan.FromSeconds(90), StartedAt = DateTime.Now + ahead - TimeSpan.FromSeconds(45), ClockOffset = ahead };
        Assert.Equal("1m", Internal._Format.AgeText(PSObject.AsPSObject(run)));
        Assert.InRange(Internal._Format.RunTime(PSObject.AsPSObject(run))!.Value.TotalSeconds, 45, 60);
        run.ClockOffset = TimeSpan.Zero;
        Assert.Equal("0s", Internal._Format.AgeText(PSObject.AsPSObject(run)));
    }

    [Fact]
    public void The_visible_members_are_the_columns_of_a_CSV_in_order() =>
        Assert.Equal(Columns, string.Join(", ", typeof(ComfyRun).GetProperties().Where(property => !Attribute.IsDefined(property, typeof(HiddenAttribute))).Select(property => property.Name)));

    [Fact]
    public void A_run_cannot_be_created_by_a_conversion() => Assert.Empty(typeof(ComfyRun).GetConstructors());

    [Fact]
    public void What_only_the_caller_knows_fills_gaps_and_never_overwrites()
    {
        ComfyRun run = Recorded.ToRun("""{"id":"a","deployment_id":"d1"}""");
        run.CarryOver(new("d2", "portrait/production", "portrait", "row 7", "b", """{"prompt":"x"}"""));
        Assert.Equal(("d1", "portrait/production", "portrait", "row 7", "b"), (run.DeploymentId, run.DeploymentName, run.WorkflowName, run.Label, run.RestartOf));
        Assert.Equal("""{"prompt":"x"}""", run.Inputs!.ToString());
    }

    [Fact]
    public void Missing_durations_are_computed_across_a_clock_change()
    {
        ComfyRun run = Recorded.ToRun("""{"created_at":"2025-10-26T00:30:00Z","queued_at":"2025-10-26T01:30:00Z","started_at":"2025-03-30T00:30:00Z","ended_at":"2025-03-30T02:30:00Z"}""");
        Assert.Equal(3600, run.QueueSeconds);
        Assert.Equal(7200, run.RunSeconds);
    }
}
