using System.Diagnostics;
using System.Reflection;

namespace ComfyDeploy.Tests.Engine;

/// <summary>The demo as a user starts it: a separate process, which hosts the engine and an emulator and runs a script.</summary>
internal static class DemoProcess
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    internal static readonly string Assembly = typeof(DemoProcess).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "Demo").Value!;

    internal static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string? script = null, string? timeZone = null)
    {
        ProcessStartInfo start = new("dotnet", script is null ? [Assembly] : [Assembly, script]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string variable in (string[])["COMFY_DEPLOY_API_KEY", "COMFY_DEPLOY_BASE_URI"]) start.Environment.Remove(variable);
        if (timeZone is not null) start.Environment["TZ"] = timeZone;
        using Process process = Process.Start(start)!;
        using CancellationTokenSource limit = new(Limit);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }
}
