using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>A value for a file input is a link, the data itself, or a file of this machine; any other text is not queued, and not billed.</summary>
public sealed class FileInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("./photo.png")]
    [InlineData("photo.png")]
    [InlineData("C:\\photos\\a.png")]
    [InlineData("/home/me/a.png")]
    [InlineData("file:///home/me/a.png")]
    [InlineData("ftp://host/a.png")]
    [InlineData("https:/photo.png ? no")]
    [InlineData("[not a list.png")]
    public void What_is_neither_a_link_nor_a_file_is_refused(string text)
    {
        foreach (object value in (object[])[text, new object[] { "https://host/a.png", text }])
        {
            ComfyDeployException error = Assert.Throws<ComfyDeployException>(() => Find(value));
            Assert.Equal(ErrorIds.FileNotFound, error.ErrorId);
            Assert.Contains("'image'", error.Message, StringComparison.Ordinal);
            Assert.Contains(text, error.Message, StringComparison.Ordinal);
            Assert.Equal(value, Find(value, isChecked: false));
        }
    }

    [Theory]
    [InlineData("https://host/a.png")]
    [InlineData("HTTP://host/a.png?X-Amz-Signature=1")]
    [InlineData("data:image/png;base64,iVBORw0KGgo=")]
    [InlineData("[\"https://host/a.png\"]")]
    [InlineData(5)]
    public void Links_and_data_are_taken_as_they_are(object value) => Assert.Equal(value, Find(value));

    [Fact]
    public void A_path_becomes_the_file_wherever_it_stands()
    {
        string path = _folder.Write("a[1].png", "a");
        Assert.Equal(path, Assert.IsType<FileInfo>(Find(path)).FullName);
        Assert.Equal(path, Assert.IsType<FileInfo>(Find(" a[1].png ")).FullName);
        Assert.Equal(path, Assert.IsType<FileInfo>(Find(new FileInfo(path))).FullName);
        foreach (object value in (object[])[new object[] { "https://host/b.png", path }, "[\"https://host/b.png\", \"a[1].png\"]"])
        {
            object?[] several = Assert.IsType<object?[]>(Find(value));
            Assert.Equal("https://host/b.png", several[0]);
            Assert.Equal(path, Assert.IsType<FileInfo>(several[1]).FullName);
        }
        Assert.Equal(_folder.Write("[b].png", "b"), Assert.IsType<FileInfo>(Find("[b].png")).FullName);
    }

    [Fact]
    public void A_batch_is_a_list_also_of_one_file()
    {
        const string batch = "ComfyUIDeployExternalImageBatch";
        Assert.Equal(["https://host/a.png"], Assert.IsType<object?[]>(Find("https://host/a.png", batch)));
        Assert.IsType<FileInfo>(Assert.Single(Assert.IsType<object?[]>(Find(_folder.Write("a.png", "a"), batch))));
        Assert.Equal("[\"https://host/a.png\"]", Find("[\"https://host/a.png\"]", batch));
    }

    [Fact]
    public void A_folder_is_not_a_file() =>
        Assert.Equal(ErrorIds.FileNotFound, Assert.Throws<ComfyDeployException>(() => Find(_folder.Path)).ErrorId);

    [Fact]
    public void A_long_text_is_shortened() =>
        Assert.InRange(Assert.Throws<ComfyDeployException>(() => Find(new string('x', 100_000))).Message.Length, 100, 300);

    [Theory]
    [InlineData("ComfyUIDeployExternalText")]
    [InlineData("ComfyUIDeployExternalLora")]
    [InlineData("CustomNode")]
    [InlineData(null)]
    public void Other_nodes_take_any_text(string? nodeClass) => Assert.Equal("./photo.png", Find("./photo.png", nodeClass));

    private object? Find(object value, string? nodeClass = "ComfyUIDeployExternalImage", bool isChecked = true)
    {
        InputSet inputs = new();
        inputs.Set("prompt", "./not-a-file");
        inputs.Set("Image", value);
        FileInputs files = new(text => text.Contains("://", StringComparison.Ordinal) ? null : Path.Combine(_folder.Path, text), isChecked, TimeSpan.Zero, new RecordingLog());
        files.Find(inputs, [new() { Name = "prompt", NodeClass = "ComfyUIDeployExternalText" }, new() { Name = "image", NodeClass = nodeClass }]);
        Assert.Equal("./not-a-file", inputs.Values["prompt"]);
        return inputs.Values["Image"];
    }
}
