namespace ComfyDeploy.Tests.Client;

/// <summary>Outputs: any list of items with a link is files, any list of text is texts; anything else is none.</summary>
public sealed class OutputReaderTests
{
    [Theory]
    [InlineData("images", "image")]
    [InlineData("gifs", "video")]
    [InlineData("files", "file")]
    [InlineData("audio", "audio")]
    [InlineData("mesh", "mesh")]
    [InlineData("text_file", "text_file")]
    [InlineData("model_file", "model_file")]
    [InlineData("result", "result")]
    [InlineData("my_node's own", "my_node's own")]
    public void A_list_of_links_is_files_of_that_kind(string key, string kind)
    {
        ComfyRun run = Read($$"""{"{{key}}":[{"url":"https://files.test/a%20b.png?sig=1","filename":"a b.png","type":"output"}]}""");
        ComfyRunOutput output = Assert.Single(run.Outputs!);
        Assert.Equal((kind, "a b.png", 0), (output.Kind, output.FileName, output.Index));
        Assert.Equal("https://files.test/a%20b.png?sig=1", output.Url!.AbsoluteUri);
        Assert.Same(run, output.Run);
        Assert.Equal(output.Url, run.OutputUrl);
    }

    [Fact]
    public void A_list_of_text_is_texts()
    {
        ComfyRun run = Read("""{"text":["a caption",""],"tags":["x"]}""");
        Assert.Equal(["a caption", "", "x"], run.Outputs!.Select(output => output.Text));
        Assert.Equal(["text", "text", "tags"], run.Outputs!.Select(output => output.Kind));
        Assert.Null(run.OutputUrl);
        Assert.Equal(string.Empty, run.Outputs!.ToString());
    }

    [Theory]
    [InlineData("""{"animated":[true,false]}""")]
    [InlineData("""{"error":{"type":"prompt_outputs_failed_validation","message":"Prompt refused"}}""")]
    [InlineData("""{"exception_message":"CUDA out of memory","node_id":"3","executed":{}}""")]
    [InlineData("""{"images":[{"filename":"not-uploaded.png","type":"output"}]}""")]
    [InlineData("""{"images":"not a list"}""")]
    [InlineData("""{"images":[null,3,[],{}]}""")]
    [InlineData("[1.5,2.5]")]
    [InlineData("null")]
    [InlineData("{}")]
    public void What_is_neither_file_nor_text_is_no_output(string data)
    {
        ComfyRun run = Read(data);
        Assert.Empty(run.Outputs!);
        Assert.Equal(0, run.OutputCount);
        Assert.Null(run.OutputUrl);
    }

    [Fact]
    public void Several_outputs_keep_their_order_and_their_node()
    {
        ComfyRun run = Recorded.ToRun("""
            {"id":"r","outputs":[
              {"output_id":"row","node_meta":{"node_id":"9","node_class":"SaveImage"},"created_at":"2025-10-14T09:12:03.418Z",
               "data":{"images":[{"url":"https://f.test/1","filename":"1.png","output_id":"own"},{"url":"https://f.test/2","filename":"2.png"}],"text":["t"]}},
              {"data":{"files":[{"url":"/no/host","filename":"3.bin"}]}}]}
            """);
        Assert.Equal([0, 1, 2, 3], run.Outputs!.Select(output => output.Index));
        Assert.Equal(["own", "row", "row", null], run.Outputs!.Select(output => output.OutputId));
        Assert.Equal(["9", "9", "9", null], run.Outputs!.Select(output => output.NodeId));
        Assert.Equal("SaveImage", run.Outputs![0].NodeClass);
        Assert.Equal(DateTimeKind.Local, run.Outputs![0].CreatedAt!.Value.Kind);
        Assert.Null(run.Outputs![3].CreatedAt);
        Assert.Equal("1.png; 2.png; 3.bin", run.Outputs!.ToString());
        Assert.All(run.Outputs!, output => Assert.Equal("r", output.RunId));
    }

    [Theory]
    [InlineData("run-get-success-3-images", 3, "image")]
    [InlineData("run-get-success-audio", 1, "file")]
    [InlineData("run-get-success-no-outputs", 0, "")]
    [InlineData("run-get-failed-node-error", 0, "")]
    public void Recorded_outputs_are_read(string name, int count, string kind)
    {
        ComfyRun run = Recorded.ToRun(Recorded.Exchange(name).Body);
        Assert.Equal(count, run.OutputCount);
        Assert.All(run.Outputs!, output => Assert.Equal(kind, output.Kind));
    }

    private static ComfyRun Read(string data) => Recorded.ToRun($$"""{"id":"r","outputs":[{"data":{{data}}}]}""");
}
