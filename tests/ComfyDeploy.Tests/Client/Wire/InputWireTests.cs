using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>The definitions of a deployment's inputs, as the service sends them.</summary>
public sealed class InputWireTests
{
    private static readonly string[] OddValues =
    [
        "null", "\"text\"", "\"\"", "0", "-1", "3.5", "1e999", "-1e30", "12345678901234567890123456789012345", "true", "[]", "[null,1,\"a\",{},[2],0.5]", "{}",
        "\"NaN\"", "\"Infinity\"", "\"\\ud83d\"",
    ];

    [Theory]
    [InlineData("deployment-get-public")]
    [InlineData("deployments-default")]
    public void The_recorded_definitions_are_read_whole(string fixture)
    {
        string body = Recorded.Exchange(fixture).Body;
        List<DeploymentWire> wires = WireJson.Read(Recorded.Body(body.StartsWith('[') ? body : $"[{body}]"), WireContext.Default.ListDeploymentWire);
        foreach (ComfyDeployment deployment in wires.Select(wire => wire.ToDeployment(ClientUnderTest.Connect())).Where(d => d.Inputs is { Count: > 0 }))
        {
            IReadOnlyList<ComfyDeploymentInput> inputs = deployment.Inputs!;
            Assert.Equal(["prompt", "input_image", "seed", "steps", "style", "hires", "lora", "strength"], inputs.Select(i => i.Name));
            Assert.Equal(["text", "image", "number", "number", "enum", "boolean", "model", "number"], inputs.Select(i => i.Kind));
            Assert.Equal(["string", "string", "integer", "float", "string", "boolean", "string", "float"], inputs.Select(i => i.Type!));
            Assert.Equal(["a red apple", null, 42L, 20L, "photo", false, null, 0.75], inputs.Select(i => i.Default));
            Assert.Equal([null, null, 0m, 1m, null, null, null, null], inputs.Select(i => i.Min));
            Assert.Equal([null, null, 4294967295m, 50m, null, null, null, null], inputs.Select(i => i.Max));
            Assert.Equal([null, null, null, 1m, null, null, null, null], inputs.Select(i => i.Step));
            Assert.Equal("photo; anime; oil", inputs[4].Options!.ToString());
            Assert.All(inputs, input => Assert.Equal(input.Name == "style", input.Options is not null));
            Assert.Equal(("Prompt", "What to draw"), (inputs[0].DisplayName, inputs[0].Description));
            Assert.All(inputs, input => Assert.Equal(deployment.DeploymentName, input.DeploymentName));
        }
    }

    [Theory]
    [InlineData("type")]
    [InlineData("class_type")]
    [InlineData("default_value")]
    [InlineData("min_value")]
    [InlineData("max_value")]
    [InlineData("step")]
    [InlineData("enum_options")]
    [InlineData("display_name")]
    [InlineData("description")]
    public void Any_field_may_hold_anything(string field)
    {
        foreach (string odd in OddValues)
        {
            ComfyDeploymentInput input = Read($$"""{"input_id":"a","{{field}}":{{odd}}}""");
            Assert.Equal("a", input.Name);
            Assert.True(input.Default is null or string or bool or long or double or System.Numerics.BigInteger, odd);
            Assert.NotNull(input.Kind);
        }
    }

    [Fact]
    public void Limits_keep_all_their_digits() =>
        Assert.Equal(18446744073709551615m, Read("""{"input_id":"seed","max_value":18446744073709551615}""").Max);

    [Fact]
    public void Numbers_may_come_as_text_and_options_as_numbers()
    {
        ComfyDeploymentInput input = Read("""{"input_id":"a","min_value":"0.5","step":"1e-2","enum_options":[512,null,"768",0.5,true],"default_value":["x"]}""");
        Assert.Equal((0.5m, 0.01m), (input.Min, input.Step));
        Assert.Equal(["512", "768", "0.5", "true"], input.Options!);
        Assert.Equal("""["x"]""", input.Default);
    }

    [Theory]
    [InlineData("Text", "text")]
    [InlineData("TextAny", "text")]
    [InlineData("TextSingleLine", "text")]
    [InlineData("Image", "image")]
    [InlineData("ImageAlpha", "image")]
    [InlineData("ImageBatch", "image")]
    [InlineData("EXR", "image")]
    [InlineData("Video", "video")]
    [InlineData("Audio", "audio")]
    [InlineData("File", "file")]
    [InlineData("FaceModel", "file")]
    [InlineData("Number", "number")]
    [InlineData("NumberInt", "number")]
    [InlineData("NumberSlider", "number")]
    [InlineData("NumberSliderInt", "number")]
    [InlineData("Seed", "number")]
    [InlineData("Boolean", "boolean")]
    [InlineData("Enum", "enum")]
    [InlineData("Color", "color")]
    [InlineData("Lora", "model")]
    [InlineData("Checkpoint", "model")]
    [InlineData("Hologram", "unknown")]
    public void The_kind_comes_from_the_node(string node, string kind)
    {
        Assert.Equal(kind, Read($$"""{"input_id":"a","class_type":"ComfyUIDeployExternal{{node}}"}""").Kind);
        Assert.Equal("unknown", Read($$"""{"input_id":"a","class_type":"{{node}}"}""").Kind);
    }

    private static ComfyDeploymentInput Read(string json) => Assert.Single(
        WireJson.Read(Recorded.Body($$"""{"id":"d","input_types":[{{json}}]}"""), WireContext.Default.DeploymentWire)
            .ToDeployment(ClientUnderTest.Connect()).Inputs!);
}
