using ComfyDeploy.Internal;
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
    public void Labeled_runs() => AssertHeader(
        "Labeled", "[pscustomobject]@{ prompt = 'a fox'; shot = 'a01' } | Start-ComfyRun portrait -LabelColumn shot | Out-Default");

    [Theory]
    [InlineData("$labeled + $plain", "Labeled")]
    [InlineData("$plain + $labeled", "Run")]
    public void Runs_with_and_without_labels_share_a_table(string runs, string header)
    {
        EngineRun run = Engine.Run($$"""
            $labeled = @([pscustomobject]@{ prompt = 'a fox'; shot = 'a01' } | Start-ComfyRun portrait -LabelColumn shot)
            $plain = @(Start-ComfyRun portrait)
            {{runs}} | Out-Default
            """);
        string[] lines = Lines(run);
        Assert.Equal(Headers[header], lines[0]);
        Assert.Equal(4, lines.Length);
    }

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

    [Theory]
    [InlineData("$files | Out-Default")]
    [InlineData("[System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($files, 1)) | Out-Default")]
    public void Saved_files_are_shown_below_their_folder(string script)
    {
        using TemporaryFolder folder = new();
        Engine.Set("folder", folder.Path);
        ComfyRun run = Engine.Run($$"""
            $labeled = [pscustomobject]@{ prompt = '#multi=2'; shot = 'a01' } | Start-ComfyRun portrait -LabelColumn shot
            $plain = Start-ComfyRun portrait
            $emulator.Advance([timespan]'01:00:00')
            $files = @($labeled, $plain | Wait-ComfyRun -InOrder | Save-ComfyRunOutput $folder -NameTemplate "{Index:00}_{RunId:12}{Extension}")
            $labeled
            """).One<ComfyRun>();
        string[] lines = Lines(Engine.Run(script));
        Assert.Equal($"   Directory: {folder.Path}", lines[0]);
        Assert.Equal(Headers["SavedFile"], lines[1]);
        Assert.Equal(Dashes(Headers["SavedFile"]), lines[2]);
        Assert.Equal(6, lines.Length);
        string id = run.RunId!;
        Assert.Matches($@"^{id[..8]} a01            +\d+ 01_{id.Replace("-", string.Empty, StringComparison.Ordinal)[..12]}\.png$", lines[4]);
        Assert.Matches(@"^[0-9a-f]{8}                 +\d+ 00_[0-9a-f]{12}\.png$", lines[5]);
        Assert.All(lines, line => Assert.True(line.Length <= _width, line));
    }

    [Fact]
    public void The_log_of_the_emulator_is_a_line_for_each_request()
    {
        Engine.Run("$null = Test-ComfyConnection; $null = Get-ComfyDeployment");
        AssertHeader("Request", "$emulator.Requests | Out-Default");
        string[] lines = Lines(Engine.Run("$emulator.Requests[0] | Out-Default"));
        Assert.Equal("     1 GET       200 " + Emulator.Requests[0].Path, lines[2]);
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
        ["Labeled"] = "Label            RunId    Status      Done RunTime  Age Detail",
        ["Deployment"] = "Name                  Environment   Gpu       MachineName    Version UpdatedAt  DeploymentId",
        ["Input"] = "Name                    Kind    Type     Default               Min          Max Options              Description",
        ["Connection"] = "Name             IsDefault BaseUri                                  UserId               OrgId",
        ["Test"] = "ConnectionName   Result        LatencyMs Message",
        ["Emulator"] = "BaseUri                          Runs Requests  Speed",
        ["Output"] = "RunId    Index Kind   NodeId NodeClass            Detail",
        ["File"] = "FileName                       Kind       Length FileId",
        ["SavedFile"] = "RunId    Label              Length Name",
        ["Request"] = "Number Method Status Path",
    };
}

public sealed class NarrowFormattingTests() : FormattingTests(80)
{
    private protected override IReadOnlyDictionary<string, string> Headers { get; } = new Dictionary<string, string>
    {
        ["Run"] = "RunId    DeploymentName       Status      Done Gpu       RunTime  Age Detail",
        ["Labeled"] = "Label            RunId    Status      Done RunTime  Age Detail",
        ["Deployment"] = "Name                  Environment   Gpu       MachineName    Version UpdatedAt",
        ["Input"] = "Name                    Kind    Type     Default               Min          Max",
        ["Connection"] = "Name             IsDefault BaseUri                                  UserId",
        ["Test"] = "ConnectionName   Result        LatencyMs Message",
        ["Emulator"] = "BaseUri                          Runs Requests  Speed",
        ["Output"] = "RunId    Index Kind   NodeId NodeClass            Detail",
        ["File"] = "FileName                       Kind       Length FileId",
        ["SavedFile"] = "RunId    Label              Length Name",
        ["Request"] = "Number Method Status Path",
    };
}

/// <summary>The name of a deployment in a column.</summary>
public sealed class DeploymentNameTextTests
{
    [Theory]
    [InlineData(null, "")]
    [InlineData("portrait/production", "portrait/production")]
    [InlineData("flux-dev-lora/production", "flux-dev…/production")]
    [InlineData("a/b/c-and-so-on-and-on/production", "a/b/c-an…/production")]
    [InlineData("x/an-environment-that-is-too-long", "…/an-environment-that-is-too-long")]
    [InlineData("no-environment-at-all-in-this-name", "no-environment-at-all-in-this-name")]
    // Two cells for each letter.
    [InlineData("肖像画肖像画肖像画/staging", "肖像画肖像…/staging")]
    // A letter of two characters is not cut in half.
    [InlineData("portrai🦊🦊🦊/production", "portrai…/production")]
    [InlineData("\u001b[2Jportrait/production", "[2Jportrait/production")]
    public void Cuts_the_workflow_and_never_the_environment(string? name, string shown) =>
        Assert.Equal(shown, DeploymentNameText.Fit(name, name?.StartsWith('\u001b') == true ? 22 : 20));
}
