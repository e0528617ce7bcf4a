using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>The seven ways the service writes a time are one moment, in local time.</summary>
public sealed class TimestampTests
{
    [Theory]
    [InlineData("2025-10-14T09:12:03.418Z", "2025-10-14T09:12:03.4180000Z")] // A
    [InlineData("2025-10-14T09:12:00Z", "2025-10-14T09:12:00.0000000Z")] // A, the fraction lost
    [InlineData("2025-10-14T09:12:03.418207Z", "2025-10-14T09:12:03.4182070Z")] // B
    [InlineData("2025-10-14T09:12Z", "2025-10-14T09:12:00.0000000Z")] // B′
    [InlineData("2025-10-14T09:22:10.692439+00Z", "2025-10-14T09:22:10.6924390Z")] // B″
    [InlineData("2025-10-14T09:12:03.418207", "2025-10-14T09:12:03.4182070Z")] // C
    [InlineData("2025-10-14T09:12:03", "2025-10-14T09:12:03.0000000Z")] // C, no fraction
    [InlineData("2025-09-30 16:41:22.087114", "2025-09-30T16:41:22.0871140Z")] // D
    [InlineData("2025-10-14T09:21:40.732391+00:00", "2025-10-14T09:21:40.7323910Z")] // E
    [InlineData("2025-10-14T11:21:40.732391+02:00", "2025-10-14T09:21:40.7323910Z")] // E, another offset
    [InlineData(" 2025-10-14T09:12:03.418Z ", "2025-10-14T09:12:03.4180000Z")]
    public void Each_form_is_read_as_UTC_and_given_as_local_time(string text, string utc)
    {
        DateTime time = Timestamp.Parse(text)!.Value;
        Assert.Equal(DateTimeKind.Local, time.Kind);
        Assert.Equal(utc, time.ToUniversalTime().ToString("o"));
    }

    [Theory]
    [InlineData("1721210409.3831277")]
    [InlineData("\"1721210409.3831277\"")]
    public void Unix_seconds_are_read_as_number_and_as_text(string json)
    {
        DateTime time = Recorded.ToRun($$"""{"created_at":{{json}}}""").CreatedAt!.Value;
        Assert.Equal(DateTimeKind.Local, time.Kind);
        Assert.Equal(new DateTime(2024, 7, 17, 10, 0, 9, DateTimeKind.Utc).AddTicks(3831277), time.ToUniversalTime(), TimeSpan.FromMilliseconds(1));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("yesterday")]
    [InlineData("None")]
    [InlineData("-5")]
    [InlineData("1e300")]
    [InlineData("NaN")]
    [InlineData("2025-13-01T00:00:00Z")]
    public void What_is_no_time_is_null(string? text) => Assert.Null(Timestamp.Parse(text));

    [Fact]
    public void The_seconds_asked_for_are_whole_and_never_later()
    {
        DateTime time = new(2025, 10, 14, 9, 12, 3, 999, DateTimeKind.Utc);
        Assert.Equal(1760433123, Timestamp.ToUnixSeconds(time));
        Assert.Equal(1760433123, Timestamp.ToUnixSeconds(time.ToLocalTime()));
    }
}
