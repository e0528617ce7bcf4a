using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun without a deployment: -WorkflowVersion and -WorkflowApi, each on a -Machine.</summary>
public sealed class StartComfyRunTargetTests : EngineTest
{
    private const string Portrait = "00000020-0000-4000-8000-000000000020";
    private const string Version2 = "00000202-0000-4000-8000-000000000202";
    private const string H100 = "00000011-0000-4000-8000-000000000011";
    private const string Nobody = "11111111-0000-4000-8000-000000000000";
    private const string OfVersion = $"-WorkflowVersion {Version2} -Machine gpu-h100";
    private const string OfGraph = "-WorkflowApi $graph -Workflow portrait -Machine gpu-h100";
    private const string GraphJson = """
        {
          "3": { "class_type": "KSampler", "inputs": { "seed": ["21", 0] } },
          "20": { "class_type": "ComfyUIDeployExternalText", "inputs": { "input_id": "prompt" } },
          "21": { "class_type": "ComfyUIDeployExternalNumberInt", "inputs": { "input_id": "seed", "max_value": 18446744073709551615 } },
          "22": { "class_type": "ComfyUIDeployExternalImage", "inputs": { "input_id": "image" } }
        }
        """;

    private readonly TemporaryFolder _folder = new();

    public StartComfyRunTargetTests() => Engine.Set("graph", _folder.Write("fox.json", GraphJson));

    [Fact]
    public void A_version_runs_on_the_machine_and_its_run_says_so()
    {
        ComfyRun run = Engine.Run($"Start-ComfyRun @{{ prompt = 'fox'; seed = '7' }} {OfVersion}").One<ComfyRun>();
        Assert.Equal(Assert.Single(Emulator.Runs).RunId, run.RunId);
        Assert.Equal(("not-started", "portrait", Portrait, Version2, H100, "H100"), (run.Status, run.WorkflowName, run.WorkflowId, run.WorkflowVersionId, run.MachineId, run.Gpu));
        Assert.Equal((null, null), (run.DeploymentId, run.DeploymentName));
        JsonNode body = JsonNode.Parse(Emulator.Requests.Single(request => request.Method == "POST").Body)!;
        Assert.Equal((Version2, H100), (body["workflow_version_id"]!.GetValue<string>(), body["machine_id"]!.GetValue<string>()));
        Assert.Equal(7, body["inputs"]!["seed"]!.GetValue<int>());
        Assert.Equal(1, Count("POST", "/api/run"));
    }

    [Fact]
    public void A_graph_runs_as_it_is_in_the_file_and_its_run_has_no_version()
    {
        ComfyRun run = Engine.Run($"Start-ComfyRun {OfGraph} -Inputs @{{ prompt = 'fox' }} -Gpu t4").One<ComfyRun>();
        Assert.Equal(("portrait", Portrait, null, H100, "T4", null), (run.WorkflowName, run.WorkflowId, run.WorkflowVersionId, run.MachineId, run.Gpu, run.DeploymentName));
        JsonNode body = JsonNode.Parse(Emulator.Requests.Single(request => request.Method == "POST").Body)!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(GraphJson), body["workflow_api_json"]));
        Assert.Contains("18446744073709551615", body["workflow_api_json"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(1, Count("POST", "/api/run/workflow/queue"));
    }

    [Theory]
    [InlineData(OfVersion)]
    [InlineData(OfGraph)]
    public void Each_row_is_a_run_and_what_runs_is_looked_up_once(string target)
    {
        EngineRun run = Engine.Run($"1..20 | ForEach-Object {{ [pscustomobject]@{{ prompt = \"p$_\"; shot = \"s$_\" }} }} | Start-ComfyRun {target} -LabelColumn shot");
        Assert.Equal(Enumerable.Range(1, 20).Select(i => ($"s{i}", $$"""{"prompt":"p{{i}}"}""")), run.Runs.Select(r => (r.Label!, r.Inputs!.ToString()!)));
        Assert.Equal(20, Emulator.Runs.Count);
        Assert.Equal(1, Count("GET", "/api/machines/all"));
        Assert.InRange(Emulator.Requests.Count(request => request.Method == "GET"), 2, 3);
    }

    [Theory]
    [InlineData(OfVersion)]
    [InlineData(OfGraph)]
    public void Scalars_become_the_named_input(string target)
    {
        Engine.Run($"'a', 'b' | Start-ComfyRun {target} -InputName prompt");
        Assert.Equal(["""{"prompt":"a"}""", """{"prompt":"b"}"""], Emulator.Runs.Select(r => r.Inputs));
    }

    [Fact]
    public void An_empty_pipeline_queues_nothing()
    {
        Engine.Run($"@() | Start-ComfyRun {OfVersion}");
        Assert.Empty(Emulator.Requests);
    }

    [Theory]
    [InlineData("$d = Get-ComfyDeployment portrait/staging; Start-ComfyRun -WorkflowVersion $d -Machine $d")]
    [InlineData("$r = Start-ComfyRun portrait/staging; Start-ComfyRun -WorkflowVersion $r -Machine $r")]
    [InlineData("$d = Get-ComfyDeployment portrait/staging; Start-ComfyRun -WorkflowVersion $d.WorkflowVersionId -Machine $d.MachineId")]
    [InlineData("$d = Get-ComfyDeployment portrait/staging; Start-ComfyRun -WorkflowVersion @{ WorkflowVersionId = $d.WorkflowVersionId } -Machine ([pscustomobject]@{ MachineId = $d.MachineId })")]
    public void An_object_that_has_the_id_is_accepted(string script)
    {
        ComfyRun run = Engine.Run(script).Runs[^1];
        ComfyDeployment staging = Engine.Run("Get-ComfyDeployment portrait/staging").One<ComfyDeployment>();
        Assert.Equal((staging.WorkflowVersionId, staging.MachineId, null), (run.WorkflowVersionId, run.MachineId, run.DeploymentId));
    }

    [Theory]
    [InlineData("$d = Get-ComfyDeployment portrait/staging -Connection $other; Start-ComfyRun -WorkflowVersion $d -Machine gpu-h100")]
    [InlineData("$d = Get-ComfyDeployment portrait/staging -Connection $other; Start-ComfyRun -WorkflowApi $graph -Workflow portrait -Machine $d")]
    public void An_object_brings_its_connection(string script)
    {
        using ComfyEmulator other = ComfyEmulator.Start(new() { Speed = 0 });
        EngineRun run = Engine.Run("$PSDefaultParameterValues.Clear(); " + script, ("other", ConnectionTo(other, "other")));
        Assert.Equal("other", run.Runs[0].ConnectionName);
        Assert.Single(other.Runs);
        Assert.Empty(Emulator.Requests);
    }

    [Theory]
    [InlineData($"-Workflow {Portrait}")]
    [InlineData("-Workflow PORTRAIT")]
    [InlineData($"-Workflow ([pscustomobject]@{{ WorkflowId = '{Portrait}' }})")]
    public void A_workflow_is_named_by_name_id_or_object(string workflow)
    {
        Engine.Run($"Start-ComfyRun -WorkflowApi $graph {workflow} -Machine {H100}");
        Assert.Equal("portrait", Assert.Single(Emulator.Runs).DeploymentName);
    }

    [Theory]
    [InlineData(OfVersion, "portrait version 2 has no input 'promt'")]
    [InlineData(OfGraph, "fox.json of portrait has no input 'promt'")]
    public void An_unknown_input_is_refused_before_anything_is_queued(string target, string message)
    {
        EngineRun run = Engine.RunWithErrors($"[pscustomobject]@{{ promt = 'a' }} | Start-ComfyRun {target}");
        Assert.StartsWith(message, run.Error(ErrorIds.UnknownInput).ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Runs);
        Engine.Run($"Start-ComfyRun @{{ promt = 'a' }} {target} -SkipInputCheck");
        Assert.Equal("""{"promt":"a"}""", Assert.Single(Emulator.Runs).Inputs);
    }

    [Fact]
    public void A_file_among_the_inputs_is_uploaded()
    {
        string image = _folder.Write("a.png", "one");
        ComfyRun run = Engine.Run($"Start-ComfyRun @{{ image = '{image}' }} {OfGraph}").One<ComfyRun>();
        Assert.Equal("a.png", run.Label);
        Assert.Equal(1, Count("POST", "/api/file/upload"));
    }

    [Theory]
    [InlineData($"-WorkflowVersion {Nobody} -Machine gpu-h100", ErrorIds.VersionNotFound, $"There is no workflow version {Nobody} on connection 'test'.")]
    [InlineData("-WorkflowVersion 3 -Machine gpu-h100", ErrorIds.InvalidInput, "'3' is not the ID of a workflow version.")]
    [InlineData($"-WorkflowVersion {Version2} -Machine gpu-h200", ErrorIds.MachineNotFound, "There is no machine 'gpu-h200' on connection 'test'. Nearest: gpu-h100")]
    [InlineData($"-WorkflowVersion {Version2} -Machine {Nobody}", ErrorIds.MachineNotFound, $"There is no machine '{Nobody}' on connection 'test'.")]
    [InlineData("-WorkflowApi $graph -Workflow portait -Machine gpu-h100", ErrorIds.WorkflowNotFound, "There is no workflow 'portait' on connection 'test'. Nearest: portrait.")]
    [InlineData($"-WorkflowApi $graph -Workflow {Nobody} -Machine gpu-h100", ErrorIds.WorkflowNotFound, $"There is no workflow {Nobody} on connection 'test'.")]
    [InlineData("-WorkflowApi nothing.json -Workflow portrait -Machine gpu-h100", ErrorIds.FileNotFound, "There is no file '")]
    public void What_does_not_exist_is_refused_by_one_error_whatever_the_number_of_rows(string target, string id, string message)
    {
        EngineRun one = Engine.RunWithErrors($"Start-ComfyRun {target}");
        Assert.StartsWith(message, one.Error(id).ToString(), StringComparison.Ordinal);
        EngineRun rows = Engine.RunWithErrors($"@{{ prompt = 'a' }}, @{{ prompt = 'b' }} | Start-ComfyRun {target}");
        Assert.StartsWith(message, rows.Error(id).ToString(), StringComparison.Ordinal);
        Assert.Empty(rows.Objects);
        Assert.Equal(0, Emulator.Requests.Count(request => request.Method == "POST"));
    }

    [Fact]
    public void A_graph_in_the_format_of_the_editor_is_refused_with_the_way_to_export_it()
    {
        _folder.Write("editor.json", """{"nodes":[],"links":[],"version":0.4}""");
        EngineRun run = Engine.RunWithErrors($"Start-ComfyRun -WorkflowApi '{_folder.Path}/editor.json' -Workflow portrait -Machine gpu-h100");
        Assert.Contains("Workflow > Export (API)", run.Error(ErrorIds.InvalidInput).ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Requests);
    }

    [Theory]
    [InlineData("{}", "is not a graph")]
    [InlineData("[1]", "is not a graph")]
    [InlineData("""{"prompt":"fox"}""", "is not a graph")]
    [InlineData("{", "cannot be read")]
    public void Another_file_is_refused(string content, string message)
    {
        _folder.Write("other.json", content);
        EngineRun run = Engine.RunWithErrors($"Start-ComfyRun -WorkflowApi '{_folder.Path}/other.json' -Workflow portrait -Machine gpu-h100");
        Assert.Contains(message, run.Error(ErrorIds.InvalidInput).ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Requests);
    }

    [Theory]
    [InlineData("Start-ComfyRun portrait -Machine gpu-h100")]
    [InlineData($"Start-ComfyRun {OfVersion} -Environment staging")]
    [InlineData($"Start-ComfyRun -WorkflowVersion {Version2} -Machine gpu-h100 -Workflow portrait")]
    public void Parameters_of_different_ways_to_run_do_not_go_together(string script)
    {
        EngineRun run = Engine.RunWithErrors(script);
        Assert.Equal("AmbiguousParameterSet", IdOf(Assert.Single(run.Errors)));
        Assert.Empty(Emulator.Requests);
    }

    [Fact]
    public void A_version_that_is_an_object_without_one_is_refused_with_what_is_expected()
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun -WorkflowVersion @{ Version = 3 } -Machine gpu-h100");
        Assert.Contains("is not a workflow version; expected is an ID, or an object with the property WorkflowVersionId", run.Errors[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_if_names_what_runs_and_estimates_from_the_runs_of_the_version()
    {
        // Of version 3, which is the newest.
        Engine.Run("1..5 | ForEach-Object { Start-ComfyRun portrait @{ prompt = '#time=10 #cold=0 #queue=0' } } ");
        LetAllEnd();
        EngineRun other = Engine.Run($"Start-ComfyRun @{{ prompt = 'a' }} -WorkflowVersion {Version2} -Machine gpu-a10g -WhatIf");
        Assert.Contains("on target \"portrait version 2 (machine gpu-a10g, GPU A10G)\"", other.Shown, StringComparison.Ordinal);
        Assert.Equal("What if: 1 run would be queued: 1 on A10G at 0.000337 USD a second each; no earlier runs to estimate from.", other.Information[^1].ToString());
        EngineRun same = Engine.Run("Start-ComfyRun -WorkflowVersion (Get-ComfyDeployment portrait/production) -Machine gpu-a10g -WhatIf");
        Assert.EndsWith("; about 0.0034 USD in all.", same.Information[^1].ToString(), StringComparison.Ordinal);
        EngineRun graph = Engine.Run($"Start-ComfyRun {OfGraph} -WhatIf");
        Assert.Contains("on target \"fox.json of portrait (machine gpu-h100, GPU H100)\"", graph.Shown, StringComparison.Ordinal);
        Assert.Equal(5, Emulator.Runs.Count);
    }

    [Theory]
    [InlineData(OfVersion, "/run")]
    [InlineData(OfGraph, "/run/workflow/queue")]
    public void The_run_of_a_lost_answer_is_found_in_the_list_of_the_workflow(string target, string path)
    {
        Engine.Run("Start-ComfyRun portrait @{ prompt = 'fox' }");
        Emulator.AddFault($"POST {path} = lost");
        EngineRun run = Engine.Run($"Start-ComfyRun @{{ prompt = 'fox' }} {target}");
        Assert.Equal(Emulator.Runs[^1].RunId, run.Runs[0].RunId);
        Assert.Equal(2, Emulator.Runs.Count);
        Assert.Equal(1, Count("GET", $"/api/workflow/{Portrait}/runs"));
    }

    [Fact]
    public void A_create_with_an_unknown_outcome_names_the_list_of_the_workflow()
    {
        Emulator.AddFault("POST /run = reset");
        EngineRun run = Engine.RunWithErrors($"Start-ComfyRun {OfVersion} -Connection $hasty", ("hasty", WithoutPauses()));
        Assert.Contains($"Get-ComfyRun -Workflow {Portrait} -After '", run.Error(ErrorIds.AmbiguousCreate).ToString(), StringComparison.Ordinal);
        Assert.Equal(1, Count("POST", "/api/run"));
    }

    [Fact]
    public void A_target_that_vanishes_refuses_the_rest_of_the_rows()
    {
        Emulator.AddFault("POST /run = 404 after=1 always");
        EngineRun run = Engine.RunWithErrors($"1..30 | Start-ComfyRun {OfVersion} -InputName seed");
        Assert.Equal(30, run.Runs.Count);
        Assert.Equal(29, run.Runs.Count(r => r.Status == "not-queued"));
        run.Error(ErrorIds.WorkflowNotFound);
        Assert.InRange(Count("POST", "/api/run"), 2, 1 + 8);
    }

    [Fact]
    public void It_waits_too_and_repeats()
    {
        using ComfyEmulator fast = ComfyEmulator.Start(new() { Speed = 1000 });
        EngineRun run = Engine.Run($"Start-ComfyRun {OfVersion} -Repeat 3 -Wait -Timeout 30 -Connection $fast", ("fast", ConnectionTo(fast, "fast")));
        Assert.Equal(["success", "success", "success"], run.Runs.Select(r => r.Status));
        Assert.All(run.Runs, r => Assert.Equal(("portrait", Version2), (r.WorkflowName, r.WorkflowVersionId)));
    }

    private protected override void Dispose(bool disposing)
    {
        if (disposing) _folder.Dispose();
        base.Dispose(disposing);
    }
}
