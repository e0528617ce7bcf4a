using System.Net;
using ComfyDeploy.Client;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>What becomes of an answer: objects, text, bytes, or a file.</summary>
public sealed partial class InvokeComfyApiTests
{
    private static readonly byte[] Image = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0xFF];
    private static readonly byte[] TextWithNull = [(byte)'a', 0, (byte)'b'];

    [Fact]
    public void An_image_comes_as_its_bytes()
    {
        Assert.Equal(Image, Call("", Image).One<byte[]>());
        Assert.Equal(TextWithNull, Call("", TextWithNull).One<byte[]>());
    }

    [Theory]
    [InlineData("{\"a\":1}")]
    [InlineData("\uFEFF{\"a\":1}")]
    public void JSON_is_JSON_with_and_without_a_byte_order_mark(string json) =>
        Assert.Equal(1L, Assert.Single(Call("", System.Text.Encoding.UTF8.GetBytes(json)).Objects).Properties["a"].Value);

    [Fact]
    public void A_text_comes_without_its_byte_order_mark() => Assert.Equal("on", Call("", System.Text.Encoding.UTF8.GetBytes("\uFEFFon")).One<string>());

    [Fact]
    public void OutFile_takes_any_answer_as_it_is_and_nothing_comes_out()
    {
        string file = Path.Combine(Folder, "[x].png");
        foreach (byte[] answer in (byte[][])[Image, [], "[1,2]"u8.ToArray()])
        {
            Assert.Empty(Call("-OutFile \"$folder/[x].png\"", answer).Objects);
            Assert.Equal(answer, File.ReadAllBytes(file));
        }
        Assert.Equal(["[x].png"], Files);
    }

    [Theory]
    [InlineData("$folder/none/x")]
    [InlineData("$folder")]
    public void An_OutFile_that_cannot_be_written_is_an_error_of_ours(string path) =>
        Call($"-OutFile \"{path}\"", Image, fails: true).Error("DownloadFailed");

    [Fact]
    public void An_OutFile_elsewhere_than_on_a_disk_is_refused_before_the_request()
    {
        Engine.RunWithErrors("Invoke-ComfyApi /workflows -OutFile env:/x").Error("InvalidInput");
        Assert.Empty(Emulator.Requests);
    }

    private EngineRun Call(string arguments, byte[] answer, bool fails = false)
    {
        ComfyConnection connection = ClientUnderTest.Connect();
        ApiSession.Attach(new(connection, new ScriptedHandler(() => new(HttpStatusCode.OK) { Content = new ByteArrayContent(answer) }), new ManualClock()));
        string script = $"Invoke-ComfyApi /x -Connection $odd {arguments}";
        return fails ? Engine.RunWithErrors(script, ("odd", connection)) : Engine.Run(script, ("odd", connection));
    }
}
