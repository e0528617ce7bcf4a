using System.Text.Json.Nodes;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Restart-ComfyRun -Manifest: a run of the manifest is recorded as the next attempt of its row.</summary>
public sealed class RestartComfyRunManifestTests : EngineTest
{
    private const string StartRows = "'p1', 'p2 #failearly #queue=0 #cold=0', 'p3' | ForEach-Object { [pscustomobject]@{ prompt = $_; shot = $_.Substring(0, 2) } } | Start-ComfyRun portrait -LabelColumn shot -Manifest $manifest";
    private const string RestartFailed = "Get-ComfyRun -Manifest $manifest | Where-Object { -not $_.IsSuccess } | Restart-ComfyRun -InputOverride @{ prompt = 'mended' } -Manifest $manifest";

    private readonly TemporaryFolder _folder = new();

    public RestartComfyRunManifestTests() => Engine.Set("manifest", Manifest);

    private string Manifest => Path.Combine(_folder.Path, "night.jsonl");

    [Fact]
    public void A_failed_row_gets_another_attempt_and_is_then_done()
    {
        string[] first = Finish(StartRows);
        ComfyRun again = Engine.Run(RestartFailed).One<ComfyRun>();
        Assert.Equal((first[1], "p2"), (again.RestartOf, again.Label));
        LetAllEnd();
        IReadOnlyList<ComfyRun> batch = Engine.Run("Get-ComfyRun -Manifest $manifest | Wait-ComfyRun -InOrder").Runs;
        Assert.Equal([first[0], again.RunId, first[2]], batch.Select(run => run.RunId));
        Assert.Equal(["success", "success", "success"], batch.Select(run => run.Status));
        // The same rows are done, although one has other inputs now.
        Assert.Equal([first[0], again.RunId, first[2]], Engine.Run(StartRows).Runs.Select(run => run.RunId));
        Assert.Equal(4, Emulator.Runs.Count);
        Assert.Equal([1, 1, 1, 2], Lines("intent").Select(line => (int)line["attempt"]!));
    }

    [Theory]
    [InlineData("$old | Restart-ComfyRun -Manifest $manifest")]
    [InlineData("$old.RunId | Restart-ComfyRun -Manifest $manifest")]
    [InlineData("@(Get-ComfyRun -Deployment portrait -Status failed)[-1] | Restart-ComfyRun -Manifest $manifest")]
    public void An_attempt_that_is_under_way_is_adopted(string second)
    {
        Finish($"$runs = {StartRows}; $runs");
        Engine.Set("old", Engine.Run("$runs[1]").Objects[0]);
        ComfyRun again = Engine.Run("$old | Restart-ComfyRun -InputOverride @{ prompt = 'mended' } -Manifest $manifest").One<ComfyRun>();
        EngineRun run = Engine.Run(second);
        Assert.Equal(again.RunId, run.One<ComfyRun>().RunId);
        Assert.Equal(4, Emulator.Runs.Count);
    }

    [Fact]
    public void An_answer_with_other_inputs_than_were_paid_for_restarts_nothing()
    {
        Finish(StartRows);
        File.WriteAllText(Manifest, File.ReadAllText(Manifest).Replace("\"prompt\":\"p1\"", "\"prompt\":\"another\"", StringComparison.Ordinal));
        EngineRun run = Engine.RunWithErrors("Get-ComfyRun -Manifest $manifest | Where-Object Label -eq p1 | Restart-ComfyRun -Manifest $manifest");
        Assert.Equal("ServiceError", IdOf(Assert.Single(run.Errors)));
        Assert.Contains("other inputs", run.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Equal(3, Emulator.Runs.Count);
    }

    [Fact]
    public void A_run_that_the_manifest_knows_by_its_ID_is_an_attempt_of_its_row()
    {
        string[] first = Finish(StartRows);
        Engine.Run("Restart-ComfyRun $id -InputOverride @{ prompt = 'mended' } -Manifest $manifest", ("id", first[1]));
        JsonNode[] intents = Lines("intent");
        Assert.Equal((string)intents[1]["key"]!, (string)intents[3]["key"]!);
    }

    [Fact]
    public void A_run_of_no_manifest_becomes_a_row_and_is_done_the_second_time()
    {
        Start("a");
        LetAllEnd();
        const string restart = "@(Get-ComfyRun -Workflow portrait)[-1] | Restart-ComfyRun -Manifest $manifest";
        ComfyRun first = Engine.Run(restart).One<ComfyRun>();
        Assert.Equal(first.RunId, Engine.Run(restart).One<ComfyRun>().RunId);
        Assert.Equal(2, Emulator.Runs.Count);
    }

    [Fact]
    public void WhatIf_records_nothing()
    {
        Finish(StartRows);
        string before = File.ReadAllText(Manifest);
        EngineRun run = Engine.Run(RestartFailed + " -WhatIf");
        Assert.Equal(before, File.ReadAllText(Manifest));
        Assert.StartsWith("What if: 1 run would be queued", run.Information[^1].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_row_that_was_never_queued_needs_the_long_text_that_the_manifest_leaves_out()
    {
        const string value = "'x' * 2000";
        Emulator.AddFault("POST /run/deployment/queue = 422");
        Engine.Run($"$null = @{{ prompt = {value} }}, @{{ prompt = 'p2' }} | Start-ComfyRun -Deployment portrait -Manifest $manifest");
        EngineRun run = Engine.RunWithErrors("Get-ComfyRun -Manifest $manifest | Where-Object Status -EQ not-queued | Restart-ComfyRun -Manifest $manifest");
        Assert.Contains("whole value of input 'prompt'", run.Error("InvalidInput").ToString(), StringComparison.Ordinal);
        Engine.Run($"Get-ComfyRun -Manifest $manifest | Where-Object Status -EQ not-queued | Restart-ComfyRun -Manifest $manifest -InputOverride @{{ prompt = {value} }}");
        Assert.Equal(2, Emulator.Runs.Count);
        Assert.Equal(2, Engine.Run("Get-ComfyRun -Manifest $manifest").Runs.Count(r => r.RunId is not null));
    }

    [Theory]
    [InlineData("Get-ComfyRun -Manifest $manifest")]
    [InlineData("Get-ComfyRun -Manifest $manifest | ForEach-Object { [pscustomobject]@{ RunId = ''; Status = 'not-queued'; DeploymentId = $_.DeploymentId; DeploymentName = $_.DeploymentName; Inputs = \"$($_.Inputs)\" } }")]
    [InlineData("$first = Get-ComfyRun -Manifest $manifest | Restart-ComfyRun -InputOverride @{ steps = 'x' } -ErrorAction Ignore -WarningAction Ignore; $first")]
    public void A_text_with_a_signed_link_is_never_sent_without_its_signature(string rows)
    {
        Emulator.AddFault("POST /run/deployment/queue = 422 x2");
        Engine.RunWithErrors("'like https://h.test/a.png?sig=a but blue', 'https://h.test/a.png?sig=a, https://h.test/b.png?sig=b' | Start-ComfyRun portrait -InputName prompt -Manifest $manifest");
        EngineRun run = Engine.RunWithErrors($"$({rows}) | Restart-ComfyRun -SkipInputCheck");
        Assert.Contains("whole value of input 'prompt'", run.Error("InvalidInput").ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Runs);
    }

    [Fact]
    public void A_link_to_the_own_storage_needs_no_signature_to_be_sent()
    {
        const string link = "https://comfy-deploy-output.s3.us-east-2.amazonaws.com/inputs/a.png";
        Emulator.AddFault("POST /run/deployment/queue = 422");
        Engine.RunWithErrors("@{ image = $image } | Start-ComfyRun -Deployment portrait -Manifest $manifest", ("image", link + "?X-Amz-Signature=00"));
        Engine.Run("Get-ComfyRun -Manifest $manifest | Restart-ComfyRun -Manifest $manifest");
        Assert.Equal($$"""{"image":"{{link}}"}""", Assert.Single(Emulator.Runs).Inputs);
    }

    private protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing) _folder.Dispose();
    }

    private JsonNode[] Lines(string kind) => [.. File.ReadLines(Manifest).Select(line => JsonNode.Parse(line)!).Where(line => (string?)line["event"] == kind)];

    private string[] Finish(string script)
    {
        using Underway underway = Engine.Begin($"{script} | Wait-ComfyRun -InOrder");
        while (underway.State == System.Management.Automation.PSInvocationState.Running) Emulator.Advance(TimeSpan.FromSeconds(1));
        return [.. underway.Finish().Runs.Select(run => run.RunId!)];
    }
}
