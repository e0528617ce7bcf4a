using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Mistakes that are found before anything is paid for.</summary>
public sealed class StartComfyRunCheckTests() : EngineTest(speed: 100)
{
    [Theory]
    [InlineData("./photo.png")]
    [InlineData("photo.png")]
    [InlineData(@"C:\pictures\photo")]
    [InlineData("~/photo")]
    public void A_path_without_a_file_is_refused_before_anything_is_queued(string path)
    {
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun portrait @{ image = $path }", ("path", path));
        Assert.Equal(ErrorIds.FileNotFound, IdOf(Assert.Single(run.Errors)));
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

    [Fact]
    public void A_label_column_that_the_first_row_lacks_is_an_error()
    {
        EngineRun run = Engine.RunWithErrors("[pscustomobject]@{ prompt = 'x'; shot = 'a' } | Start-ComfyRun portrait -LabelColumn shto");
        Assert.Equal(ErrorIds.UnknownInput, IdOf(Assert.Single(run.Errors)));
        Assert.Contains("prompt, shot", run.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Runs);
    }

    [Fact]
    public void An_environment_that_does_not_exist_is_an_error_and_an_unknown_GPU_a_warning()
    {
        Assert.Equal(ErrorIds.InvalidInput, IdOf(Assert.Single(Engine.RunWithErrors("Start-ComfyRun portrait -Environment prod").Errors)));
        EngineRun run = Engine.RunWithErrors("Start-ComfyRun animate/preview -Gpu h1000");
        Assert.Contains(run.Warnings, warning => warning.Contains("Nearest: H100", StringComparison.Ordinal));
        Engine.Run("Start-ComfyRun animate/preview -Gpu h100");
        Assert.Single(Emulator.Runs);
    }
}
