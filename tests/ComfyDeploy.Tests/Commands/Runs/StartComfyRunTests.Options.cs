using System.Text.Json.Nodes;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun: its options, and which deployment a name means.</summary>
public sealed class StartComfyRunOptionTests : EngineTest
{
    [Theory]
    [InlineData("Start-ComfyRun portrait", "portrait/production")]
    [InlineData("Start-ComfyRun PORTRAIT/Staging", "portrait/staging")]
    [InlineData("Start-ComfyRun portrait -Environment preview", "portrait/preview")]
    [InlineData("Start-ComfyRun 00000034-0000-4000-8000-000000000034", "upscale-4k/staging")]
    [InlineData("Start-ComfyRun ([guid]'00000034-0000-4000-8000-000000000034')", "upscale-4k/staging")]
    [InlineData("Start-ComfyRun (Get-ComfyDeployment upscale-4k/staging)", "upscale-4k/staging")]
    [InlineData("[pscustomobject]@{ prompt = 'x' } | Start-ComfyRun -Deployment portrait -Environment staging", "portrait/staging")]
    public void A_deployment_can_be_named_in_many_ways(string script, string expected)
    {
        Assert.Equal(expected, Engine.Run(script).One<ComfyRun>().DeploymentName);
        Assert.Equal(expected, Assert.Single(Emulator.Runs).DeploymentName);
    }

    [Fact]
    public void Several_environments_without_production_are_ambiguous()
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun animate");
        string message = run.Error("DeploymentAmbiguous").ToString();
        Assert.Contains("animate/staging (00000035-0000-4000-8000-000000000035)", message, StringComparison.Ordinal);
        Assert.Contains("animate/preview", message, StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", Queue));
    }

    [Theory]
    [InlineData("Start-ComfyRun portrai", "Nearest: portrait")]
    [InlineData("Start-ComfyRun portrait -Environment public-share", "in public-share")]
    [InlineData("'x' | Start-ComfyRun portrai -InputName prompt", "Nearest: portrait")]
    [InlineData("Start-ComfyRun portr*", "portr*")]
    [InlineData("Start-ComfyRun 00000099-0000-4000-8000-000000000099", "00000099-0000-4000-8000-000000000099")]
    [InlineData("Start-ComfyRun neighbours-secret", "neighbours-secret")]
    public void A_name_is_never_guessed(string script, string message)
    {
        EngineRun run = Engine.RunWithErrors(script);
        Assert.Contains(message, run.Error("DeploymentNotFound").ToString(), StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", Queue));
    }

    [Fact]
    public void An_unknown_piped_deployment_does_not_affect_the_others()
    {
        EngineRun run = Engine.RunWithErrors("'portrait', 'nothing', 'upscale-4k' | Start-ComfyRun; \"ok: $?\"");
        Assert.Equal("nothing", run.Error("DeploymentNotFound").TargetObject);
        Assert.Equal(["portrait/production", "upscale-4k/production"], Emulator.Runs.Select(r => r.DeploymentName));
        Assert.Equal("ok: False", run.Objects[^1].ToString());
    }

    [Fact]
    public void A_GPU_is_sent_with_the_run()
    {
        ComfyRun run = Engine.Run("Start-ComfyRun portrait/staging -Gpu H100").One<ComfyRun>();
        Assert.Equal("H100", run.Gpu);
        Assert.Contains("\"gpu\":\"H100\"", Emulator.Requests.Single(r => r.Path == Queue).Body, StringComparison.Ordinal);
    }

    [Fact]
    public void A_GPU_that_the_deployment_overrides_gives_one_warning()
    {
        EngineRun run = Engine.Run("'a', 'b' | Start-ComfyRun portrait -Gpu H100 -InputName prompt");
        Assert.Contains("portrait/production is fixed to A10G", Assert.Single(run.Warnings), StringComparison.Ordinal);
        Assert.All(run.Runs, r => Assert.Equal("A10G", r.Gpu));
    }

    [Fact]
    public void A_webhook_is_sent_with_the_run()
    {
        ComfyRun run = Engine.Run("Start-ComfyRun portrait -Webhook https://example.com/done?id=1 -WebhookIntermediateStatus").One<ComfyRun>();
        JsonNode body = JsonNode.Parse(Emulator.Requests.Single(r => r.Path == Queue).Body)!;
        Assert.Equal("https://example.com/done?id=1", body["webhook"]!.GetValue<string>());
        Assert.True(body["webhook_intermediate_status"]!.GetValue<bool>());
        Assert.Equal("https://example.com/done?id=1", run.Webhook);
    }

    [Fact]
    public void A_webhook_without_a_host_is_rejected() =>
        Engine.RunWithErrors("Start-ComfyRun portrait -Webhook done").Error("InvalidInput");

    [Theory]
    [InlineData("Start-ComfyRun portrait -Timeout 5")]
    [InlineData("Start-ComfyRun portrait -StopOnTimeout")]
    public void A_timeout_needs_a_wait(string script)
    {
        Engine.RunWithErrors(script).Error("ParametersConflict");
        Assert.Empty(Emulator.Requests);
    }

    [Fact]
    public void WhatIf_queues_nothing_and_ends_with_the_number_of_runs()
    {
        EngineRun run = Engine.Run("'a', 'b' | Start-ComfyRun portrait -InputName prompt -Repeat 2 -WhatIf");
        Assert.Empty(run.Objects);
        Assert.DoesNotContain(Emulator.Requests, request => request.Method != "GET");
        Assert.Equal(4, run.Shown.Split('\n').Count(line => line.Contains("Queue run", StringComparison.Ordinal)));
        Assert.Contains("portrait/production (version 3, GPU A10G)", run.Shown, StringComparison.Ordinal);
        Assert.Contains("""Queue run {"prompt":"a"}""", run.Shown, StringComparison.Ordinal);
        Assert.StartsWith("What if: 4 runs would be queued: 4 on A10G at ", run.Information[^1].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIf_as_a_preference_queues_nothing_either()
    {
        EngineRun run = Engine.Run("$WhatIfPreference = $true; Start-ComfyRun portrait @{ prompt = 'x' }");
        Assert.Equal(0, Count("POST", Queue));
        Assert.StartsWith("What if: 1 run", Assert.Single(run.Information).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIf_finds_unknown_inputs_too() =>
        Engine.RunWithErrors("Start-ComfyRun portrait @{ promt = 'x' } -WhatIf").Error("UnknownInput");

    [Fact]
    public void Start_with_Wait_returns_the_finished_run()
    {
        EngineRun run = Engine.Run("Start-ComfyRun portrait @{ prompt = '#time=0 #queue=0 #cold=0' } -Wait -Timeout 20s");
        ComfyRun finished = run.One<ComfyRun>();
        Assert.Equal(("success", "portrait/production", 1), (finished.Status, finished.DeploymentName, finished.OutputCount));
    }

    [Fact]
    public void Start_with_Wait_keeps_the_timeout_and_returns_the_run()
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait @{ prompt = '#stuck=running' } -Wait -Timeout 0 -StopOnTimeout");
        Assert.Equal("cancelled", run.One<ComfyRun>().Status);
        run.Error("WaitTimeout");
        Assert.Equal("cancelled", Assert.Single(Emulator.Runs).Status);
    }

    [Fact]
    public void The_session_knows_the_short_form_of_the_id()
    {
        EngineRun run = Engine.Run("$run = Start-ComfyRun portrait; Get-ComfyRun $run.RunId.Substring(0, 8)");
        Assert.Equal(Emulator.Runs[0].RunId, run.One<ComfyRun>().RunId);
    }
}

/// <summary>Numbers in a culture with a decimal comma.</summary>
public sealed class StartComfyRunCultureTests : EngineTest
{
    [Fact]
    public void A_table_uses_decimal_points_in_every_culture()
    {
        EngineRun run = Engine.Run("[cultureinfo]::CurrentCulture = 'de-DE'; (0.5).ToString(); [pscustomobject]@{ cfg = '0.5'; seed = 7.0 }, @{ cfg = 0.25 } | Start-ComfyRun portrait");
        Assert.Equal("0,5", run.Objects[0].BaseObject);
        Assert.Equal([0.5, 0.25], Emulator.Runs.Select(r => JsonNode.Parse(r.Inputs)!["cfg"]!.GetValue<double>()));
        Assert.Contains("\"seed\":7", Emulator.Runs[0].Inputs, StringComparison.Ordinal);
    }

    [Fact]
    public void A_comma_is_not_a_decimal_point()
    {
        EngineRun run = Engine.RunWithErrors("[cultureinfo]::CurrentCulture = 'de-DE'; Start-ComfyRun portrait @{ cfg = '0,5' }");
        Assert.Contains("not '0,5'", run.Error("InvalidInput").ToString(), StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", Queue));
    }
}
