using System.Text.RegularExpressions;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>The demo: the main job from start to end, and a reliable exit code.</summary>
public sealed partial class DemoTests
{
    [Fact]
    public async Task The_demo_shows_the_main_job_and_why_runs_did_not_succeed()
    {
        (int exitCode, string output, string errors) = await DemoProcess.RunAsync();
        Assert.True(exitCode == 0, $"{output}\n{errors}");
        Assert.Empty(errors);
        output = Color().Replace(output, "");
        string[] lines = [.. output.Split('\n').Select(line => line.TrimEnd())];
        Assert.Contains("Name                  Environment   Gpu       MachineName    Version UpdatedAt  DeploymentId", lines);
        Assert.Equal(3, lines.Count(line => line == "Label            RunId    Status      Done RunTime  Age Detail"));
        Assert.Contains("WARNING: Row 5 (a5) was not queued: Input 'seed' takes an integer of 0 or more, not 'nineteen'.", lines);

        string explained = output[output.IndexOf("Why did some not succeed?", StringComparison.Ordinal)..];
        Assert.Matches("a3: failed \\S+", explained);
        Assert.Contains("a5: not-queued Input 'seed' takes an integer", explained, StringComparison.Ordinal);
        Assert.Contains("a7: cancelled", explained, StringComparison.Ordinal);
        Assert.Contains("a1_00_ComfyUI_00001_.png", explained, StringComparison.Ordinal);
        Assert.DoesNotContain(" a1:", explained, StringComparison.Ordinal);
        // Seven rows in, seven runs out, twice; one of them stopped in between.
        Assert.Equal(
            ["a1 2", "a2 2", "a3 2", "a4 2", "a5 2", "a6 2", "a7 2"],
            lines.Where(line => Row().IsMatch(line)).GroupBy(line => line[..2]).Select(label => $"{label.Key} {label.Count()}").Order(StringComparer.Ordinal));
        Assert.Single(lines, line => line.Contains(" portrait/production  not-started Cancelled ", StringComparison.Ordinal));

        // The batch: killed after two runs (on a busy machine, perhaps more), and finished by the same script, which queues no row twice.
        string[] known = [.. lines.SkipWhile(line => !line.StartsWith("The process was killed.", StringComparison.Ordinal)).Where(line => BatchRow().IsMatch(line))];
        Assert.InRange(known.Length, 2, 6);
        Assert.Contains("  6 rows, 6 runs on the service, 6 files", lines);
        Assert.Contains("  b6.png is saved", lines);
    }

    [Fact]
    public async Task Text_in_a_file_has_no_colors()
    {
        using TemporaryFolder folder = new();
        (_, string output, _) = await DemoProcess.RunAsync(folder.Write("table.ps1", "Get-ComfyDeployment | Out-Default"));
        Assert.DoesNotContain('\u001b', output);
    }

    [Fact]
    public async Task A_script_that_throws_exits_with_1()
    {
        using TemporaryFolder folder = new();
        (int exitCode, string output, _) = await DemoProcess.RunAsync(folder.Write("throws.ps1", "'before' | Out-Default; throw 'no more'; 'after' | Out-Default"));
        Assert.Equal(1, exitCode);
        Assert.Contains("before", output, StringComparison.Ordinal);
        Assert.Contains("no more", output, StringComparison.Ordinal);
        Assert.DoesNotContain("after", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_script_chooses_its_exit_code()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(3, (await DemoProcess.RunAsync(folder.Write("exits.ps1", "exit 3"))).ExitCode);
    }

    [Fact]
    public async Task A_gate_fails_the_script()
    {
        using TemporaryFolder folder = new();
        string script = folder.Write("gate.ps1", "Start-ComfyRun portrait @{ prompt = '#failearly #queue=0 #cold=0' } | Wait-ComfyRun -ThrowOnFailure");
        (int exitCode, string output, _) = await DemoProcess.RunAsync(script);
        Assert.Equal(1, exitCode);
        Assert.Contains("RunFailed,ComfyDeploy.Commands.WaitComfyRunCommand: 1 of 1 run did not succeed", Color().Replace(output, ""), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_script_exits_with_1()
    {
        (int exitCode, _, string errors) = await DemoProcess.RunAsync("/nowhere/nothing.ps1");
        Assert.Equal(1, exitCode);
        Assert.Contains("nothing.ps1", errors, StringComparison.Ordinal);
    }

    [GeneratedRegex("\u001b\\[[0-9;]*m")]
    private static partial Regex Color();

    [GeneratedRegex("^a\\d {15}([0-9a-f]{8}| {8}) ")]
    private static partial Regex Row();

    [GeneratedRegex("^b\\d {15}[0-9a-f]{8} ")]
    private static partial Regex BatchRow();
}
