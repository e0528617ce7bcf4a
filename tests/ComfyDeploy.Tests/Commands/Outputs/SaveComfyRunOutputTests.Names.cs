using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>A file that is returned for a run is that run's, whatever the template.</summary>
public sealed partial class SaveComfyRunOutputTests
{
    [Theory]
    [InlineData("{FileName}", false)]
    [InlineData("{Label}.{Extension}", false)]
    [InlineData("{RunId:12}.png", false)]
    [InlineData("{RunId:11}_{Index}.png", false)]
    [InlineData("{Index}.png", false)]
    [InlineData("{RunId:12}_{Index}.png", true)]
    [InlineData("{RunId}/{Index:00}{Extension}", true)]
    public void What_is_there_is_taken_for_the_output_only_when_its_name_says_so(string template, bool identifies)
    {
        string id = Ended("a");
        Engine.Run("Save-ComfyRunOutput $folder -RunId $id -NameTemplate $template", ("id", id), ("template", template));
        FileInfo again = Engine.Run("Save-ComfyRunOutput $folder -RunId $id -NameTemplate $template").One<FileInfo>();
        Assert.Equal(identifies ? 1 : 2, Files.Length);
        Assert.Equal(identifies ? 1 : 2, Downloads.Count);
        Assert.Equal(!identifies, again.Name.Contains("(2)", StringComparison.Ordinal));
    }

    [Fact]
    public void The_object_of_one_night_never_has_the_bytes_of_another()
    {
        using FileStorage first = new(1000);
        using FileStorage second = new(2000);
        string[] ids = ["0a1b2c3d-1111-4222-8333-444455556666", "0a1b2c3d-1111-4222-8333-444455557777"];
        Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate '{FileName}'", ("run", Whole(ids[0], ("ComfyUI_00001_.png", first.Link("a")))));
        EngineRun tonight = Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate '{FileName}'", ("run", Whole(ids[1], ("ComfyUI_00001_.png", second.Link("b")))));
        Assert.Equal(ids[1], Assert.Single(tonight.Objects).Properties["RunId"].Value);
        Assert.Equal(second.File, File.ReadAllBytes(tonight.One<FileInfo>().FullName));
    }

    [Theory]
    [InlineData("{FileName}", "Skip")]
    [InlineData("{FileName}", "Overwrite")]
    [InlineData("{RunId:8}", "Skip")]
    [InlineData("{RunId:12}_{Index}", "Skip")]
    public void Two_runs_of_one_call_never_share_a_name(string template, string existing)
    {
        using FileStorage first = new(1000);
        using FileStorage second = new(2000);
        // Their first 12 digits are the same.
        ComfyRun[] runs =
        [
            Whole("0a1b2c3d-1111-4222-8333-444455556666", ("x.png", first.Link("a"))),
            Whole("0a1b2c3d-1111-4222-8333-444455557777", ("x.png", second.Link("b"))),
        ];
        EngineRun run = Engine.Run("$runs | Save-ComfyRunOutput $folder -NameTemplate $template -Existing $existing", ("runs", runs), ("template", template), ("existing", existing));
        Assert.Equal([first.File, second.File], run.All<FileInfo>().Select(file => File.ReadAllBytes(file.FullName)));
    }

    [Theory]
    [InlineData("{Label}_{RunId:12}_{Index:00}{Extension}", 300)]
    [InlineData("{Label} {FileName} {Label} {RunId} {Index}", 300)]
    [InlineData("{Label}_{RunId:12}_{Index:00}{Extension}", 20)]
    public void A_long_label_does_not_cut_off_what_identifies_the_output(string template, int length)
    {
        using FileStorage storage = new(10);
        ComfyRun run = Whole("0a1b2c3d-1111-4222-8333-444455556666", ("x.png", storage.Link("a")), ("y.png", storage.Link("b")));
        run.Label = string.Concat(Enumerable.Repeat("世", length));
        Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate $template", ("run", run), ("template", template));
        Assert.All(Files, file => Assert.Matches("世.*[_ ]0a1b2c3d-?1111.*[_ ]0?[01]", file));
        Assert.All(Files, file => Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(file), 80, 200));
        Assert.Equal(2, Files.Length);
        Assert.DoesNotContain(Files, file => file.Contains("(2)", StringComparison.Ordinal));
    }

    [Fact]
    public void To_skip_what_may_be_another_run_s_is_one_warning()
    {
        string id = Ended("#multi");
        string warning = "";
        foreach (int expected in (int[])[0, 1])
        {
            EngineRun run = Engine.Run("Save-ComfyRunOutput $folder -RunId $id -NameTemplate '{FileName}' -Existing Skip", ("id", id));
            Assert.Equal(expected, run.Warnings.Count);
            if (expected > 0) warning = run.Warnings[0];
        }
        Assert.Contains("3 files", warning, StringComparison.Ordinal);
        Engine.Run("Save-ComfyRunOutput $folder/own -RunId $id");
        Assert.Empty(Engine.Run("Save-ComfyRunOutput $folder/own -RunId $id").Warnings);
    }

    private static string Digits(string id) => id.Replace("-", string.Empty, StringComparison.Ordinal)[..12];
}
