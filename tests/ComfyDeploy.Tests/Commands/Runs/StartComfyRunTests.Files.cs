using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>A file on this computer is not a link that the service can read.</summary>
public sealed class StartComfyRunFileTests() : EngineTest(speed: 100)
{
    [Theory]
    [InlineData("./photo.png")]
    [InlineData("photo.png")]
    [InlineData(@"C:\pictures\photo")]
    [InlineData("~/photo")]
    public void A_local_path_is_refused_before_anything_is_queued(string path)
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait @{ image = $path }", ("path", path));
        Assert.Equal(ErrorIds.InvalidInput, IdOf(Assert.Single(run.Errors)));
        Assert.Empty(Emulator.Runs);
    }

    [Theory]
    [InlineData("https://example.com/photo.png")]
    [InlineData("data:image/png;base64,iVBORw0KGgo=")]
    public void A_link_or_data_is_queued(string link)
    {
        Engine.Run("Start-ComfyRun portrait @{ image = $link }", ("link", link));
        Assert.Single(Emulator.Runs);
    }

    [Fact]
    public void Numbers_keep_their_shortest_digits()
    {
        Engine.Run("Start-ComfyRun portrait @{ prompt = 'x'; seed = 7 } -SkipInputCheck; Start-ComfyRun portrait ([ordered]@{ a = 0.1; b = [float]0.1; c = 1e300 }) -SkipInputCheck");
        Assert.Contains("\"a\":0.1,\"b\":0.1", Emulator.Runs[1].Inputs, StringComparison.Ordinal);
    }
}
