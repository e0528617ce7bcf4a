using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun: what binds to what, and what is queued.</summary>
public sealed class StartComfyRunTests : EngineTest
{
    [Fact]
    public void A_deployment_and_its_inputs_become_one_run_and_one_create()
    {
        ComfyRun run = Engine.Run("Start-ComfyRun portrait ([ordered]@{ prompt = 'fox'; seed = 7 })").One<ComfyRun>();
        EmulatorRun queued = Assert.Single(Emulator.Runs);
        Assert.Equal(queued.RunId, run.RunId);
        Assert.Equal(("not-started", "portrait/production", "portrait", "A10G", false), (run.Status, run.DeploymentName, run.WorkflowName, run.Gpu, run.IsFinished));
        Assert.Equal("""{"prompt":"fox","seed":7}""", run.Inputs!.ToString());
        Assert.Equal(1, Count("POST", Queue));
        Assert.DoesNotContain(Emulator.Requests, request => request.Path.StartsWith("/api/run/", StringComparison.Ordinal) && request.Method == "GET");
    }

    [Fact]
    public void Rows_are_accepted_from_the_pipeline_when_a_deployment_is_given()
    {
        IReadOnlyList<ComfyRun> runs = Engine.Run("""
            [pscustomobject]@{ prompt = 'a'; seed = '1' }, @{ prompt = 'b' } | Start-ComfyRun -Deployment portrait/staging
            """).Runs;
        Assert.Equal(["""{"prompt":"a","seed":1}""", """{"prompt":"b"}"""], runs.Select(run => run.Inputs!.ToString()));
        Assert.Equal(["portrait/staging", "portrait/staging"], Emulator.Runs.Select(run => run.DeploymentName));
    }

    [Fact]
    public void Deployments_are_accepted_from_the_pipeline_when_none_is_given()
    {
        IReadOnlyList<ComfyRun> runs = Engine.Run("Get-ComfyDeployment portrait/* | Start-ComfyRun -Inputs @{ prompt = 'x' }").Runs;
        Assert.Equal(["portrait/preview", "portrait/production", "portrait/staging"], runs.Select(run => run.DeploymentName).Order());
        Assert.All(Emulator.Runs, run => Assert.Equal("""{"prompt":"x"}""", run.Inputs));
    }

    [Fact]
    public void Names_of_deployments_are_accepted_from_the_pipeline_too() =>
        Assert.Equal(
            ["portrait/staging", "upscale-4k/production"],
            Engine.Run("'portrait/staging', 'UPSCALE-4k' | Start-ComfyRun").Runs.Select(run => run.DeploymentName));

    [Fact]
    public void Scalars_become_the_named_input()
    {
        EngineRun run = Engine.Run("'a fox', 'an owl' | Start-ComfyRun portrait -InputName prompt -Inputs @{ steps = 12 }");
        Assert.Equal(["""{"steps":12,"prompt":"a fox"}""", """{"steps":12,"prompt":"an owl"}"""], run.Runs.Select(r => r.Inputs!.ToString()));
    }

    [Fact]
    public void Links_and_numbers_are_scalars()
    {
        Engine.Run("7 | Start-ComfyRun portrait -InputName seed; [uri]'https://example.com/a.png' | Start-ComfyRun upscale-4k -InputName image");
        Assert.Equal(["""{"seed":7}""", """{"image":"https://example.com/a.png"}"""], Emulator.Runs.Select(run => run.Inputs));
    }

    [Theory]
    [InlineData("'a fox' | Start-ComfyRun portrait", "-InputName prompt")]
    [InlineData("Start-ComfyRun portrait @{ prompt = 'x' } | Start-ComfyRun portrait", "A ComfyRun is not a row of inputs. To start it again: Restart-ComfyRun. To use its inputs: | ForEach-Object Inputs | Start-ComfyRun …")]
    [InlineData("Get-ComfyDeployment portrait/staging | Start-ComfyRun portrait", "A ComfyDeployment is not a row of inputs")]
    public void A_value_that_is_not_a_row_is_rejected(string script, string message)
    {
        EngineRun run = Engine.RunWithErrors(script);
        Assert.Contains(message, run.Error("InputRowInvalid").ToString(), StringComparison.Ordinal);
        Assert.Empty(run.Objects);
        Assert.True(Count("POST", Queue) <= 1);
    }

    [Fact]
    public void A_hashtable_instead_of_a_deployment_is_rejected_with_advice()
    {
        EngineRun run = Engine.RunWithErrors("Get-ComfyDeployment portrait/staging | Start-ComfyRun @{ prompt = 'x' }");
        Assert.Contains("-Inputs @{", run.Error("ParameterArgumentTransformationError").ToString(), StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", Queue));
    }

    [Theory]
    [InlineData("[pscustomobject]@{ promt = 'a' }, [pscustomobject]@{ promt = 'b' } | Start-ComfyRun portrait")]
    [InlineData("Start-ComfyRun portrait @{ promt = 'a' }")]
    public void An_unknown_input_stops_before_anything_is_queued(string script)
    {
        EngineRun run = Engine.RunWithErrors(script);
        string message = run.Error("UnknownInput").ToString();
        Assert.Contains("'promt'", message, StringComparison.Ordinal);
        Assert.Contains("Nearest: prompt", message, StringComparison.Ordinal);
        Assert.Empty(run.Objects);
        Assert.Equal(0, Count("POST", Queue));
    }

    [Fact]
    public void The_error_of_an_unknown_column_says_how_to_continue()
    {
        string message = Engine.RunWithErrors("[pscustomobject]@{ prompt = 'a'; shot = '1' } | Start-ComfyRun portrait").Error("UnknownInput").ToString();
        Assert.Contains("-LabelColumn shot", message, StringComparison.Ordinal);
        Assert.Contains("Select-Object prompt", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_input_can_still_be_sent()
    {
        Engine.Run("Start-ComfyRun portrait @{ promt = 'a' } -SkipInputCheck");
        Assert.Equal("""{"promt":"a"}""", Assert.Single(Emulator.Runs).Inputs);
    }

    [Fact]
    public void Text_from_a_table_becomes_the_type_the_deployment_expects()
    {
        Engine.Run("[pscustomobject]@{ PROMPT = 'a'; seed = '7'; hires = 'true'; cfg = '0.5'; steps = ' 12 ' } | Start-ComfyRun portrait");
        JsonNode inputs = JsonNode.Parse(Assert.Single(Emulator.Runs).Inputs)!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"prompt":"a","seed":7,"hires":true,"cfg":0.5,"steps":12}"""), inputs), inputs.ToJsonString());
    }

    [Fact]
    public void A_number_stays_text_where_the_deployment_expects_text()
    {
        Engine.Run("Start-ComfyRun portrait @{ prompt = 1984 }");
        Assert.Equal("""{"prompt":"1984"}""", Assert.Single(Emulator.Runs).Inputs);
    }

    [Fact]
    public void A_value_of_the_wrong_type_is_rejected()
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait @{ seed = 'nineteen' }");
        Assert.Contains("'seed' takes an integer of 0 or more, not 'nineteen'", run.Error("InvalidInput").ToString(), StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", Queue));
    }

    [Fact]
    public void An_empty_cell_is_not_sent()
    {
        Engine.Run("[pscustomobject]@{ prompt = 'a'; seed = ''; style = $null } | Start-ComfyRun portrait -Inputs @{ seed = 5 }");
        Assert.Equal("""{"seed":5,"prompt":"a"}""", Assert.Single(Emulator.Runs).Inputs);
    }

    [Fact]
    public void The_row_overrides_the_inputs_and_they_override_the_file()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("inputs.json", """{"prompt":"file","seed":1,"steps":11}""");
        Engine.Run("[pscustomobject]@{ PROMPT = 'row' } | Start-ComfyRun portrait -InputPath $file -Inputs @{ prompt = 'inputs'; seed = 2 }", ("file", file));
        JsonNode inputs = JsonNode.Parse(Assert.Single(Emulator.Runs).Inputs)!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"prompt":"row","seed":2,"steps":11}"""), inputs), inputs.ToJsonString());
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[1]")]
    [InlineData(null)]
    public void A_file_without_an_inputs_object_is_rejected(string? content)
    {
        using TemporaryFolder folder = new();
        string file = content is null ? Path.Combine(folder.Path, "missing.json") : folder.Write("inputs.json", content);
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait -InputPath $file", ("file", file));
        Assert.Contains(file, run.Error("InvalidInput").ToString(), StringComparison.Ordinal);
        Assert.Equal(0, Count("POST", Queue));
    }

    [Fact]
    public void The_label_column_is_not_an_input_but_becomes_the_label()
    {
        EngineRun run = Engine.Run("[pscustomobject]@{ shot = 'a1'; prompt = 'x' } | Start-ComfyRun portrait -LabelColumn Shot");
        Assert.Equal("a1", run.One<ComfyRun>().Label);
        Assert.Equal("""{"prompt":"x"}""", Assert.Single(Emulator.Runs).Inputs);
    }

    [Fact]
    public void Repeat_queues_each_row_that_many_times()
    {
        EngineRun run = Engine.Run("'a', 'b' | Start-ComfyRun portrait -InputName prompt -Repeat 3");
        Assert.Equal(6, run.Runs.Select(r => r.RunId).Distinct().Count());
        Assert.Equal(6, Emulator.Runs.Count);
    }

    [Fact]
    public void Columns_named_like_options_stay_inputs()
    {
        EngineRun run = Engine.RunWithErrors("[pscustomobject]@{ prompt = 'x'; gpu = 'H100'; Deployment = 'other' } | Start-ComfyRun portrait");
        Assert.Contains("'gpu', 'Deployment'", run.Error("UnknownInput").ToString(), StringComparison.Ordinal);
    }
}
