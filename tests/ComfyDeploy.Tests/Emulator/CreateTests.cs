using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Emulator;

/// <summary>The four forms of a create: a version on a machine, a graph of a workflow on a machine, a deployment, a model.</summary>
public sealed class CreateTests : IDisposable
{
    private const string Portrait = "00000020-0000-4000-8000-000000000020";
    private const string Version2 = "00000202-0000-4000-8000-000000000202";
    private const string A10g = "00000010-0000-4000-8000-000000000010";
    private const string H100 = "00000011-0000-4000-8000-000000000011";
    private const string NeighboursMachine = "00000019-0000-4000-8000-000000000019";
    private const string Unknown = "00000000-0000-4000-8000-00000000dead";
    private const string Graph = """{"20":{"class_type":"ComfyUIDeployExternalText","inputs":{"input_id":"prompt"}}}""";

    private readonly ComfyEmulator _emulator = ComfyEmulator.Start(new EmulatorOptions { Speed = 0 });
    private readonly EmulatorClient _client;

    public CreateTests() => _client = new EmulatorClient(_emulator);

    public void Dispose()
    {
        _client.Dispose();
        _emulator.Dispose();
    }

    [Theory]
    [InlineData("/run")]
    [InlineData("/run/queue")]
    public async Task A_version_runs_on_the_machine_that_the_request_names(string path)
    {
        JsonNode run = await CreateAsync(path, $$"""{"workflow_version_id":"{{Version2}}","machine_id":"{{H100}}","inputs":{"prompt":"x"} }""");
        Assert.Equal((Portrait, Version2, H100, "H100"), (Text(run, "workflow_id"), Text(run, "workflow_version_id"), Text(run, "machine_id"), Text(run, "gpu")));
        Assert.Equal("x", run["workflow_inputs"]!["prompt"]!.GetValue<string>());
        Assert.Null(Assert.Single(_emulator.Runs).DeploymentId);
    }

    [Theory]
    [InlineData("/run", true)]
    [InlineData("/run/queue", true)]
    [InlineData("/run/workflow/queue", true)]
    [InlineData("/run", false)]
    public async Task A_graph_runs_without_a_version(string path, bool hasGpu)
    {
        string gpu = hasGpu ? ""","gpu":"T4" """ : "";
        JsonNode run = await CreateAsync(path, $$"""{"workflow_id":"{{Portrait}}","workflow_api_json":{{Graph}},"machine_id":"{{A10g}}"{{gpu}} }""");
        Assert.Equal((Portrait, null, A10g, hasGpu ? "T4" : "A10G"), (Text(run, "workflow_id"), Text(run, "workflow_version_id"), Text(run, "machine_id"), Text(run, "gpu")));
    }

    [Fact]
    public async Task Of_several_forms_version_wins_over_workflow_and_workflow_over_deployment_and_deployment_over_model()
    {
        string model = """ "model_id":"flux-dev" """;
        string deployment = $""" "deployment_id":"{EmulatorClient.Portrait}",{model} """;
        string workflow = $""" "workflow_id":"{Portrait}","workflow_api_json":{Graph},"machine_id":"{H100}",{deployment} """;
        JsonNode byVersion = await CreateAsync("/run", $$"""{"workflow_version_id":"{{Version2}}",{{workflow}} }""");
        JsonNode byWorkflow = await CreateAsync("/run", "{" + workflow + "}");
        await CreateAsync("/run", "{" + deployment + "}");
        // Without its graph, a workflow is not a form of its own.
        await CreateAsync("/run", $$"""{"workflow_id":"{{Portrait}}",{{deployment}} }""");
        Assert.Equal((Version2, null), (Text(byVersion, "workflow_version_id"), Text(byWorkflow, "workflow_version_id")));
        Assert.Equal([null, null, EmulatorClient.Portrait, EmulatorClient.Portrait], _emulator.Runs.Select(run => run.DeploymentId));
    }

    [Theory]
    [InlineData(Unknown, A10g, "Workflow version not found for this deployment")]
    [InlineData(Version2, Unknown, "Machine not found for this deployment")]
    [InlineData(Version2, NeighboursMachine, "Machine not found for this deployment")]
    [InlineData(Version2, null, "Machine not found")]
    public async Task What_a_version_needs_and_is_not_there_is_a_404(string version, string? machine, string detail)
    {
        string on = machine is null ? "" : $""","machine_id":"{machine}" """;
        Answer answer = await _client.PostAsync("/run", $$"""{"workflow_version_id":"{{version}}"{{on}} }""");
        Assert.Equal((404, $$"""{"detail":"{{detail}}"}"""), (answer.Status, answer.Text));
        Assert.Empty(_emulator.Runs);
    }

    [Fact]
    public async Task A_version_of_another_user_is_not_found()
    {
        using EmulatorClient neighbour = new(_emulator, _emulator.AddKey("user_neighbour"));
        Answer answer = await neighbour.PostAsync("/run", $$"""{"workflow_version_id":"{{Version2}}","machine_id":"{{NeighboursMachine}}"}""");
        Assert.Equal("""{"detail":"Workflow not found"}""", answer.Text);
    }

    [Fact]
    public async Task A_model_fails_and_leaves_a_failed_row_that_no_route_reads()
    {
        Answer answer = await _client.PostAsync("/run", """{"model_id":"flux-dev","inputs":{}}""");
        Assert.Equal((500, "Internal Server Error"), (answer.Status, answer.Text));
        EmulatorRun run = Assert.Single(_emulator.Runs);
        Assert.Equal("failed", run.Status);
        Assert.Equal(500, (await _client.GetAsync("/run/" + run.RunId)).Status);
        Assert.Empty((await _client.GetAsync($"/workflow/{Portrait}/runs")).Json.AsArray());
    }

    [Theory]
    [InlineData("with_inputs=true&with_outputs=false", true, false)]
    [InlineData("with_inputs=false&with_outputs=true", false, true)]
    [InlineData("limit=60", true, true)]
    public async Task The_list_of_a_workflow_has_inputs_and_outputs_as_asked(string query, bool hasInputs, bool hasOutputs)
    {
        await CreateAsync("/run", $$"""{"workflow_version_id":"{{Version2}}","machine_id":"{{A10g}}","inputs":{"prompt":"x"} }""");
        JsonObject row = (await _client.GetAsync($"/workflow/{Portrait}/runs?{query}")).Json.AsArray().Single()!.AsObject();
        Assert.Equal((hasInputs, hasOutputs), (row.ContainsKey("workflow_inputs"), row.ContainsKey("outputs")));
        Assert.Equal((Version2, A10g, null), (Text(row, "workflow_version_id"), Text(row, "machine_id"), Text(row, "deployment_id")));
        Assert.Equal(2, row["version"]!["version"]!.GetValue<int>());
    }

    private async Task<JsonNode> CreateAsync(string path, string body)
    {
        Answer answer = await _client.PostAsync(path, body);
        Assert.Equal(200, answer.Status);
        return await _client.RunAsync(answer.Json["run_id"]!.GetValue<string>());
    }

    private static string? Text(JsonNode node, string name) => node[name]?.GetValue<string>();
}
