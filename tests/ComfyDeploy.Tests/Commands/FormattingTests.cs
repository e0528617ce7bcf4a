using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>The default output format.</summary>
public abstract class FormattingTests : EngineTest
{
    private readonly int _width;

    private protected FormattingTests(int width) : base(host: new CapturingHost(width)) => _width = width;

    private protected abstract IReadOnlyDictionary<string, string> Headers { get; }

    [Fact]
    public void Runs() => AssertHeader("Run", "Start-ComfyRun portrait | Out-Default");

    [Fact]
    public void Deployments() => AssertHeader("Deployment", "Get-ComfyDeployment | Out-Default");

    [Fact]
    public void Inputs() => AssertHeader("Input", "Get-ComfyDeploymentInput portrait | Out-Default");

    [Fact]
    public void Connections() => AssertHeader("Connection", "$c | Out-Default");

    [Fact]
    public void Tests() => AssertHeader("Test", "Test-ComfyConnection -Detailed | Out-Default");

    [Fact]
    public void Emulators() => AssertHeader("Emulator", "$emulator | Out-Default");

    [Fact]
    public void Outputs() => AssertHeader(
        "Output",
        "$run = Start-ComfyRun portrait @{ prompt = '#multi=2 #text' }; $emulator.Advance([timespan]'01:00:00'); ($run | Wait-ComfyRun).Outputs | Out-Default");

    [Fact]
    public void Files()
    {
        using TemporaryFolder folder = new();
        Engine.Set("file", folder.Write("a picture with a long name 2026-11-24.png", "x"));
        AssertHeader("File", "Send-ComfyFile $file | Out-Default");
    }

    [Fact]
    public void Runs_in_every_state_fit_on_one_line_each()
    {
        EngineRun run = Engine.RunWithErrors("""
            $runs = & { '#fail'; '#cancelled'; '#timeout'; 'a fox'; '#stuck=running' } | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance([timespan]'01:00:00')
            $runs | Wait-ComfyRun -Timeout 0 -InOrder -ErrorAction Ignore | Out-Default
            """);
        string[] lines = Lines(run);
        Assert.Equal(Headers["Run"], lines[0]);
        Assert.Equal(7, lines.Length);
        Assert.All(lines, line => Assert.True(line.Length <= _width, line));
        Assert.Equal(["failed", "cancelled", "timeout", "success", "running"], lines[2..].Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]));
        // Only tables shorten IDs.
        Assert.All(lines[2..], line => Assert.Matches("^[0-9a-f]{8} portrait/production ", line));
    }

    private protected static string[] Lines(EngineRun run) =>
        [.. run.Shown.Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0)];

    private void AssertHeader(string type, string script)
    {
        string[] lines = Lines(Engine.Run(script));
        Assert.Equal(Headers[type], lines[0]);
        // The line under it follows the header word by word: a wrapped header would be in between.
        Assert.Equal(Dashes(Headers[type]), lines[1]);
        Assert.True(lines.Length > 2, "There are no rows.");
        Assert.All(lines, line => Assert.True(line.Length <= _width, line));
    }

    private static string Dashes(string header) => string.Concat(header.Select(c => c == ' ' ? ' ' : '-'));
}

public sealed class WideFormattingTests() : FormattingTests(120)
{
    private protected override IReadOnlyDictionary<string, string> Headers { get; } = new Dictionary<string, string>
    {
        ["Run"] = "RunId    DeploymentName       Status      Done Gpu       RunTime  Age Detail",
        ["Deployment"] = "Name                  Environment   Gpu       MachineName    Version UpdatedAt  DeploymentId",
        ["Input"] = "Name                    Kind    Type     Default               Min          Max Options              Description",
        ["Connection"] = "Name             IsDefault BaseUri                                  UserId               OrgId",
        ["Test"] = "Result        LatencyMs Message",
        ["Emulator"] = "BaseUri                          Runs Requests  Speed",
        ["Output"] = "RunId    Index Kind   NodeId NodeClass            Detail",
        ["File"] = "FileName                       Kind       Length FileId",
    };
}

public sealed class NarrowFormattingTests() : FormattingTests(80)
{
    private protected override IReadOnlyDictionary<string, string> Headers { get; } = new Dictionary<string, string>
    {
        ["Run"] = "RunId    DeploymentName       Status      Done Gpu       RunTime  Age Detail",
        ["Deployment"] = "Name                  Environment   Gpu       MachineName    Version UpdatedAt",
        ["Input"] = "Name                    Kind    Type     Default               Min          Max",
        ["Connection"] = "Name             IsDefault BaseUri                                  UserId",
        ["Test"] = "Result        LatencyMs Message",
        ["Emulator"] = "BaseUri                          Runs Requests  Speed",
        ["Output"] = "RunId    Index Kind   NodeId NodeClass            Detail",
        ["File"] = "FileName                       Kind       Length FileId",
    };
}
