using ComfyDeploy.Commands;

namespace ComfyDeploy.Tests.Commands;

/// <summary>A text for a file input is a link or the data itself; a path of this machine is not queued, and not billed.</summary>
public sealed class FileInputTests
{
    [Theory]
    [InlineData("./photo.png")]
    [InlineData("photo.png")]
    [InlineData("C:\\photos\\a.png")]
    [InlineData("/home/me/a.png")]
    [InlineData("file:///home/me/a.png")]
    [InlineData("ftp://host/a.png")]
    [InlineData("https:/photo.png ? no")]
    public void What_no_node_can_fetch_is_refused(string text)
    {
        foreach (object value in (object[])[text, new object[] { "https://host/a.png", text }])
        {
            ComfyDeployException error = Assert.Throws<ComfyDeployException>(() => Check(value));
            Assert.Equal(ErrorIds.InvalidInput, error.ErrorId);
            Assert.Contains("'image'", error.Message, StringComparison.Ordinal);
            Assert.Contains(text, error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("https://host/a.png")]
    [InlineData("HTTP://host/a.png?X-Amz-Signature=1")]
    [InlineData(" https://host/a b.png")]
    [InlineData("data:image/png;base64,iVBORw0KGgo=")]
    [InlineData("[\"https://host/a.png\"]")]
    [InlineData("")]
    [InlineData(5)]
    public void Links_and_data_are_taken(object value) => Check(value);

    [Fact]
    public void A_long_path_is_told_in_part() =>
        Assert.InRange(Assert.Throws<ComfyDeployException>(() => Check(new string('x', 100_000))).Message.Length, 100, 300);

    [Theory]
    [InlineData("ComfyUIDeployExternalText")]
    [InlineData("ComfyUIDeployExternalLora")]
    [InlineData("SomebodysNode")]
    [InlineData(null)]
    public void Other_nodes_take_any_text(string? nodeClass) => Check("./photo.png", nodeClass);

    private static void Check(object value, string? nodeClass = "ComfyUIDeployExternalImage") =>
        FileInputs.Check(
            new Dictionary<string, object?> { ["prompt"] = "./not-a-file", ["Image"] = value },
            [new() { Name = "prompt", NodeClass = "ComfyUIDeployExternalText" }, new() { Name = "image", NodeClass = nodeClass }]);
}
