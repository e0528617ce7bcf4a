using System.Diagnostics;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Dates in other time zones. A process has one time zone, so each of these tests starts its own process.</summary>
public sealed class TimeZoneTests
{
    private const string Script = """
        $run = Start-ComfyRun portrait @{ prompt = 'fox' } | Wait-ComfyRun -Timeout 60 -InformationAction Ignore
        $now = [datetime]::Now
        $dates = [ordered]@{
            listed = (Get-ComfyRun -Workflow portrait).CreatedAt
            read   = (Get-ComfyRun $run.RunId).CreatedAt
            queued = $run.QueuedAt
            ended  = $run.EndedAt
            output = $run.Outputs[0].CreatedAt
            started = (Start-ComfyRun portrait @{ prompt = '#stuck' }).CreatedAt
        }
        "offset=$([System.TimeZoneInfo]::Local.BaseUtcOffset)" | Out-Default
        foreach ($name in $dates.Keys) { "$name=$($dates[$name].Kind),$([Math]::Abs(($dates[$name] - $now).TotalMinutes) -lt 10)" | Out-Default }
        "age=$($run.Age.TotalMinutes -lt 10)" | Out-Default
        "after=$(@(Get-ComfyRun -Workflow portrait -After 10m -Finished).Count)" | Out-Default
        "since=$(@(Get-ComfyRun -Workflow portrait -After $now.AddMinutes(-10) -Finished).Count)" | Out-Default
        "before=$(@(Get-ComfyRun -Workflow portrait -Before 10m).Count)" | Out-Default
        "utc=$(@(Get-ComfyRun -Workflow portrait -Before $now.AddMinutes(-10).ToUniversalTime()).Count)" | Out-Default
        """;

    private static readonly string[] Expected =
    [
        "listed=Local,True", "read=Local,True", "queued=Local,True", "ended=Local,True", "output=Local,True", "started=Local,True",
        "age=True", "after=1", "since=1", "before=0", "utc=0",
    ];

    private static readonly string[] Depending = [nameof(TimestampTests), nameof(SafeCreateTests), nameof(RunObjectTests), nameof(RunListTests), nameof(RunWaiterTests)];

    [Theory]
    [InlineData("Asia/Tokyo", "09:00:00")]
    [InlineData("America/New_York", "-05:00:00")]
    public async Task Dates_are_local_in_every_time_zone(string timeZone, string offset)
    {
        using TemporaryFolder folder = new();
        (int exitCode, string output, string errors) = await DemoProcess.RunAsync(folder.Write("dates.ps1", Script), timeZone);
        Assert.True(exitCode == 0, $"{output}\n{errors}");
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        // Windows does not read the time zone from the environment.
        if (!OperatingSystem.IsWindows()) Assert.Equal("offset=" + offset, lines[0]);
        Assert.Equal(Expected, lines[1..]);
    }

    /// <summary>Computations in local time are correct in time zones other than this machine's.</summary>
    [Theory]
    [InlineData("America/St_Johns")]
    [InlineData("Asia/Kathmandu")]
    public async Task Times_are_read_alike_in_every_zone(string zone)
    {
        ProcessStartInfo start = new("dotnet", ["vstest", typeof(TimeZoneTests).Assembly.Location, "--TestCaseFilter:" + string.Join('|', Depending.Select(name => $"FullyQualifiedName~.{name}."))])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["TZ"] = zone;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(process.ExitCode == 0, output + await errors.WaitAsync(ClientUnderTest.Limit));
        Assert.Contains("Passed", output, StringComparison.Ordinal);
    }
}
