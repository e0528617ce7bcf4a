using System.Text.Json.Nodes;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Restart-ComfyRun: the inputs of the new run.</summary>
public sealed class RestartComfyRunInputTests : EngineTest
{
    private const string Expired = "https://cdn.example.com/a.png?X-Amz-Date=20200101T000000Z&X-Amz-Expires=3600&X-Amz-Signature=00";

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("@{ SEED = 2; steps = 12 }")]
    [InlineData("([pscustomobject]@{ seed = '2'; Steps = '12' })")]
    public void An_override_replaces_and_adds_by_name(string changes)
    {
        Engine.Run($"Start-ComfyRun portrait ([ordered]@{{ prompt = 'fox'; seed = 1 }}) | Restart-ComfyRun -InputOverride {changes}");
        JsonNode inputs = JsonNode.Parse(Emulator.Runs[^1].Inputs)!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"prompt":"fox","seed":2,"steps":12}"""), inputs), inputs.ToJsonString());
    }

    [Fact]
    public void An_override_of_null_leaves_the_input_out()
    {
        Engine.Run("Start-ComfyRun portrait @{ prompt = 'fox'; seed = 1 } | Restart-ComfyRun -InputOverride @{ Seed = $null }");
        Assert.Equal("""{"prompt":"fox"}""", Emulator.Runs[^1].Inputs);
    }

    [Theory]
    [InlineData("@{ sede = 2 }", "UnknownInput", "Nearest: seed")]
    [InlineData("@{ seed = 'x' }", "InvalidInput", "'seed' takes an integer")]
    [InlineData("'fox'", "InvalidInput", "-InputOverride takes a hashtable or an object, not a String")]
    [InlineData("@{ seed = @{ a = 1 } }", "InvalidInput", "cannot be the value of input 'seed'")]
    public void A_wrong_override_is_refused(string changes, string id, string message)
    {
        EngineRun run = Engine.RunWithErrors($"$old = Start-ComfyRun portrait -Repeat 3; $null = $old | Restart-ComfyRun -InputOverride {changes}");
        Assert.Contains(message, run.Error(id).ToString(), StringComparison.Ordinal);
        Assert.Equal(3, Emulator.Runs.Count);
    }

    [Fact]
    public void An_unknown_input_can_still_be_sent()
    {
        Engine.Run("Start-ComfyRun portrait | Restart-ComfyRun -InputOverride @{ sede = 2 } -SkipInputCheck");
        Assert.Equal("""{"sede":2}""", Emulator.Runs[^1].Inputs);
    }

    [Fact]
    public void An_input_that_the_deployment_has_no_more_is_refused_with_the_fix()
    {
        const string start = "$old = Start-ComfyRun portrait @{ promt = 'fox' } -SkipInputCheck; ";
        EngineRun run = Engine.RunWithErrors(start + "$old | Restart-ComfyRun");
        string message = run.Error("UnknownInput").ToString();
        Assert.Contains("The run had the input 'promt', which portrait/production does not have now", message, StringComparison.Ordinal);
        Assert.Contains("Nearest: prompt", message, StringComparison.Ordinal);
        Assert.Equal(("not-queued", """{"promt":"fox"}"""), (run.One<ComfyRun>().Status, run.One<ComfyRun>().Inputs!.ToString()));
        Engine.Run(start + "$old | Restart-ComfyRun -InputOverride @{ 'promt' = $null; prompt = 'fox' }");
        Assert.Equal("""{"prompt":"fox"}""", Emulator.Runs[^1].Inputs);
    }

    [Fact]
    public void An_inherited_value_is_checked_too()
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait @{ steps = 500 } -SkipInputCheck | Restart-ComfyRun");
        Assert.Contains("'steps' takes an integer from 1 to 50", run.Error("InvalidInput").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Links_of_the_own_private_storage_are_sent_without_their_signature_and_signed_anew()
    {
        string file = _folder.Write("a #private.png", "one");
        EngineRun run = Engine.Run("$old = Start-ComfyRun upscale-4k @{ image = $file }; $emulator.Advance('2:0:0'); Get-ComfyRun $old | Restart-ComfyRun", ("file", file));
        ComfyRun again = run.One<ComfyRun>();
        Assert.DoesNotContain("?", again.Inputs!.ToString(), StringComparison.Ordinal);
        Assert.Contains($"X-Amz-Date={Emulator.Now:yyyyMMdd}T{Emulator.Now:HH}", Emulator.Runs[^1].Inputs, StringComparison.Ordinal);
        Assert.DoesNotContain("Signature", Emulator.Requests[^1].Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://comfy-deploy-output.s3.us-east-2.amazonaws.com/inputs/a.png")]
    [InlineData("http://127.0.0.1:3013/comfy-deploy-output/inputs/a.png")]
    [InlineData("https://mine.s3.eu-west-1.amazonaws.com/inputs/img_m3qpfTCRQgzHArfB.png")]
    [InlineData("https://mine.s3.eu-west-1.amazonaws.com/outputs/runs/00000020-0000-4000-8000-000000000020/ComfyUI_00001_.png")]
    public void The_own_storage_is_known_by_its_bucket_or_its_paths(string link)
    {
        const string query = "?X-Amz-Date=20200101T000000Z&X-Amz-Expires=3600&X-Amz-Signature=00";
        Engine.Run("Start-ComfyRun portrait @{ image = $image } | Restart-ComfyRun", ("image", link + query));
        Assert.Equal($$"""{"image":"{{link}}"}""", Emulator.Runs[^1].Inputs);
    }

    [Fact]
    public void A_text_that_begins_with_a_link_to_the_own_storage_is_sent_whole()
    {
        const string text = "https://comfy-deploy-output.s3.us-east-2.amazonaws.com/inputs/a.png?X-Amz-Signature=00 but blue";
        Engine.Run("Start-ComfyRun portrait @{ prompt = $text } | Restart-ComfyRun", ("text", text));
        Assert.Equal($$"""{"prompt":"{{text}}"}""", Emulator.Runs[^1].Inputs);
    }

    [Fact]
    public void An_expired_link_of_another_host_refuses_its_run_only()
    {
        EngineRun run = Engine.Run("'https://cdn.example.com/a.png', $expired, 'https://cdn.example.com/b.png?v=1' | Start-ComfyRun upscale-4k -InputName image | Restart-ComfyRun", ("expired", Expired));
        Assert.Equal(["not-started", "not-queued", "not-started"], run.Runs.Select(r => r.Status));
        Assert.Contains("to cdn.example.com, expired at", run.Runs[1].Error, StringComparison.Ordinal);
        Assert.Contains($"Run {run.Runs[1].RestartOf} was not restarted", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.Equal(5, Emulator.Runs.Count);
        Assert.EndsWith("""/b.png?v=1"}""", Emulator.Runs[^1].Inputs, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("X-Amz-Date={0:yyyyMMdd'T'HHmmss'Z'}&X-Amz-Expires=3600&X-Amz-Signature=00")]
    [InlineData("X-Goog-Date={0:yyyyMMdd'T'HHmmss'Z'}&X-Goog-Expires=3600&X-Goog-Signature=00")]
    public void A_link_expires_by_its_own_time(string query)
    {
        string link = "https://cdn.example.com/a.png?" + string.Format(null, query, Emulator.Now);
        Engine.Run("$old = Start-ComfyRun upscale-4k @{ image = $link }; $null = $old | Restart-ComfyRun", ("link", link));
        Assert.Contains("Signature=00", Emulator.Runs[^1].Inputs, StringComparison.Ordinal);
        Emulator.Advance(TimeSpan.FromHours(2));
        EngineRun run = Engine.RunWithErrors("$null = Get-ComfyDeployment; $old | Restart-ComfyRun");
        run.Error("InputExpired");
        Assert.Equal(2, Emulator.Runs.Count);
        Engine.Run("$old | Restart-ComfyRun -SkipInputCheck; $old | Restart-ComfyRun -InputOverride @{ image = 'https://cdn.example.com/new.png' }");
        Assert.Equal(4, Emulator.Runs.Count);
    }

    [Fact]
    public void A_file_can_take_the_place_of_a_link()
    {
        string file = _folder.Write("b.png", "two");
        ComfyRun again = Engine.Run("Start-ComfyRun upscale-4k @{ image = $expired } | Restart-ComfyRun -InputOverride @{ image = $file }", ("expired", Expired), ("file", file)).One<ComfyRun>();
        Assert.StartsWith($$"""{"image":"{{Emulator.StorageUri}}inputs/img_""", again.Inputs!.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, Count("POST", "/api/file/upload"));
    }

    private protected override void Dispose(bool disposing)
    {
        if (disposing) _folder.Dispose();
        base.Dispose(disposing);
    }
}
