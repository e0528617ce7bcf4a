using System.Text.Json;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>What a graph says of the inputs of its runs.</summary>
public sealed class WorkflowGraphTests
{
    [Fact]
    public void The_external_nodes_of_a_version_define_the_inputs_that_its_deployment_lists()
    {
        using JsonDocument version = JsonDocument.Parse(Recorded.Exchange("workflow-version-by-id").Body);
        IReadOnlyList<ComfyDeploymentInput> derived = WorkflowGraph.InputsOf(version.RootElement.GetProperty("workflow_api"))!;
        DeploymentWire deployment = WireJson.Read(Recorded.Body(Recorded.Exchange("deployments-production").Body), WireContext.Default.ListDeploymentWire)[0];
        Assert.Equal(version.RootElement.GetProperty("workflow_id").GetString(), deployment.WorkflowId);
        IReadOnlyList<ComfyDeploymentInput> listed = deployment.ToDeployment(ClientUnderTest.Connect()).Inputs!;
        Assert.NotEmpty(listed);
        Assert.Equal(listed.Select(Describe), derived.Select(Describe));
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""[]""")]
    [InlineData("""{"prompt":"fox"}""")]
    [InlineData("""{"3":{"class_type":"KSampler","inputs":{}},"version":0.4}""")]
    public void What_is_no_graph_has_no_inputs(string json) => Assert.Null(InputsOf(json));

    [Theory]
    [InlineData("""{"1":{"class_type":"KSampler","inputs":{"input_id":"x"}}}""")]
    [InlineData("""{"1":{"class_type":"ComfyUIDeployExternalText"}}""")]
    [InlineData("""{"1":{"class_type":"ComfyUIDeployExternalText","inputs":{"input_id":["2",0]}}}""")]
    public void A_node_that_defines_no_input_is_left_out(string json) => Assert.Empty(InputsOf(json)!);

    [Fact]
    public void Of_two_nodes_for_one_input_the_first_counts_and_a_link_is_no_limit()
    {
        ComfyDeploymentInput input = Assert.Single(InputsOf("""
            {"1":{"class_type":"ComfyUIDeployExternalNumberInt","inputs":{"input_id":"seed","min_value":["4",0],"max_value":9}},
             "2":{"class_type":"ComfyUIDeployExternalText","inputs":{"input_id":"seed"}}}
            """)!);
        Assert.Equal(("seed", "number", null, 9m), (input.Name, input.Kind, input.Min, input.Max));
    }

    [Theory]
    [InlineData("""["a","b"]""", "a b")]
    [InlineData("""" "[\"a\",\"b\"]" """", "a b")]
    [InlineData("""" "a, b" """", null)]
    public void Options_are_a_list_or_the_text_of_one(string options, string? expected)
    {
        ComfyDeploymentInput input = InputsOf($$$"""{"1":{"class_type":"ComfyUIDeployExternalEnum","inputs":{"input_id":"style","options":{{{options}}} } } }""")!.Single();
        Assert.Equal(expected, input.Options is null ? null : string.Join(' ', input.Options));
    }

    private static (string, string, object?, decimal?, decimal?, decimal?, string?, string?, string?) Describe(ComfyDeploymentInput input) => (input.Name,
        input.Kind, input.Default, input.Min, input.Max, input.Step, input.Options?.ToString(), input.Description, input.DisplayName);

    private static IReadOnlyList<ComfyDeploymentInput>? InputsOf(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return WorkflowGraph.InputsOf(document.RootElement);
    }
}
