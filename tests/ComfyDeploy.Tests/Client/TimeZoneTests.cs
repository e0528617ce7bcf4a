using System.Diagnostics;

namespace ComfyDeploy.Tests.Client;

/// <summary>What is told in local time holds in other zones than the one this machine happens to be in. A zone belongs to a process, so that each is a process of its own.</summary>
public sealed class TimeZoneTests
{
    private static readonly string[] Depending = [nameof(TimestampTests), nameof(SafeCreateTests), nameof(RunObjectTests), nameof(RunListTests), nameof(RunWaiterTests)];

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
