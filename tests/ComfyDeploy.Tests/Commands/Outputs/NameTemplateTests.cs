using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>The names of saved files: valid templates, and the handling of a server's names.</summary>
public sealed class NameTemplateTests : OutputsTest
{
    private const string Id = "0a1b2c3d-1111-4222-8333-444455556666";

    [Theory]
    [InlineData("{RunId}", Id)]
    [InlineData("{RunId:8}", "0a1b2c3d")]
    [InlineData("{RunId:12}", "0a1b2c3d1111")]
    [InlineData("{RunId:31}", "0a1b2c3d11114222833344445555666")]
    [InlineData("{RunId:32}", Id)]
    [InlineData("{runid:8}_{INDEX}", "0a1b2c3d_0")]
    [InlineData("{Index}", "0")]
    [InlineData("{Index:000}", "000")]
    [InlineData("{FileName}", "fox.final.png")]
    [InlineData("{Name}.{Extension}", "fox.final.png")]
    [InlineData("{BaseName}{Extension}", "fox.final.png")]
    [InlineData("{Label}{extension}", "shot 1-a.png")]
    [InlineData("{Kind}", "image")]
    [InlineData("{NodeId}", "9")]
    [InlineData("{Workflow}", "portrait")]
    [InlineData("{Deployment}", "portrait-production")]
    [InlineData("{Label}", "shot 1-a")]
    [InlineData("{Created}", "2026-03-01")]
    [InlineData("{Created:yyyy-MM}/{Created:HHmm}", "2026-03/1405")]
    [InlineData("{Created:yyyy/MM/dd}", "2026-03-01")]
    [InlineData("a/b\\{Index}.png", "a/b/0.png")]
    [InlineData("CON/{Index}", "_CON/0")]
    [InlineData("{Index} .", "0")]
    public void Each_placeholder_has_its_value(string template, string expected)
    {
        Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate $template -WhatIf", ("run", Fox()), ("template", template));
        using FileStorage storage = new(10);
        ComfyRun run = Fox(storage.Link("fox"));
        FileInfo file = Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate $template", ("run", run)).One<FileInfo>();
        Assert.Equal(expected, Path.GetRelativePath(Folder, file.FullName).Replace('\\', '/'));
    }

    [Fact]
    public void A_missing_value_has_a_placeholder_word()
    {
        using FileStorage storage = new(10);
        ComfyRun run = Whole(Id, ("x", storage.Link("x")));
        run.DeploymentName = null;
        Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate '{Created} {Deployment} {Workflow} {Label} {NodeId}'", ("run", run));
        Assert.Equal(["undated unknown unknown unlabelled 0"], Files);
    }

    [Theory]
    [InlineData("{Nothing}")]
    [InlineData("{RunId")]
    [InlineData("RunId}")]
    [InlineData("{}")]
    [InlineData("{{Index}}")]
    [InlineData("../{FileName}")]
    [InlineData("a/../../{FileName}")]
    [InlineData("a\\..\\{FileName}")]
    [InlineData("/tmp/{FileName}")]
    [InlineData("\\\\host\\{FileName}")]
    [InlineData("{FileName}/")]
    [InlineData("a//{FileName}")]
    [InlineData("./{FileName}")]
    [InlineData("{Index:Q}")]
    [InlineData("{Created:Q}")]
    [InlineData("{RunId:x}")]
    [InlineData("{RunId:0}")]
    [InlineData("{FileName:8}")]
    [InlineData("{Input}")]
    [InlineData("{Input.}")]
    [InlineData("{Input.prompt:x}")]
    [InlineData("{Input.prompt:0}")]
    [InlineData("{Label.prompt}")]
    public void A_bad_template_is_rejected_before_any_request(string template)
    {
        string message = Engine.RunWithErrors("$id | Save-ComfyRunOutput $folder -NameTemplate $template", ("id", Id), ("template", template)).Error("InvalidInput").ToString();
        Assert.Contains(template, message, StringComparison.Ordinal);
        Assert.Empty(Emulator.Requests);
    }

    [Fact]
    public void No_file_name_of_a_server_leaves_the_folder_or_collides()
    {
        IReadOnlyList<string> ids = Start("#badname", "#badname");
        LetAllEnd();
        EngineRun run = Engine.Run("$ids | Save-ComfyRunOutput \"$folder/inside/[a]\" -NameTemplate '{FileName}'", ("ids", ids));
        Assert.Equal((24, 24), (run.Objects.Count, Files.Length));
        Assert.All(run.All<FileInfo>(), file => AssertSane(file.Name));
        Assert.All(run.All<FileInfo>(), file => Assert.Equal(Path.Combine(Folder, "inside", "[a]"), file.DirectoryName));
        Assert.Equal(24, run.All<FileInfo>().Select(file => file.Name.ToUpperInvariant()).Distinct().Count());
        Assert.Equal([Path.Combine(Folder, "inside")], Directory.GetFileSystemEntries(Folder));
        Assert.Equal([Path.Combine(Folder, "inside", "[a]")], Directory.GetFileSystemEntries(Path.Combine(Folder, "inside")));
    }

    [Theory]
    [InlineData("../../x", "x")]
    [InlineData("C:\\x", "x")]
    [InlineData("C:x", "C_x")]
    [InlineData("CON", "_CON")]
    [InlineData("con.png", "_con.png")]
    [InlineData("CON .png", "_CON .png")]
    [InlineData("lpt1.tar.gz", "_lpt1.tar.gz")]
    [InlineData("CONSOLE.png", "CONSOLE.png")]
    [InlineData("a:b", "a_b")]
    [InlineData("", "output")]
    [InlineData("..", "output")]
    [InlineData("a/", "output")]
    [InlineData(" . ", "output")]
    [InlineData("x\u0000\u0007\u001b[31m\n.png", "x___[31m_.png")]
    [InlineData("\u0085\u009b.png", "__.png")]
    [InlineData("a.png.", "a.png")]
    [InlineData("{RunId}.png", "{RunId}.png")]
    [InlineData("photo.part", "photo.part_")]
    [InlineData("héllo 世界.png", "héllo 世界.png")]
    public void A_name_is_made_safe(string name, string expected)
    {
        using FileStorage storage = new(10);
        Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate '{FileName}'", ("run", Whole(Id, (name, storage.Link("x")))));
        Assert.Equal([expected], Files);
    }

    [Theory]
    [InlineData("n", 300)]
    [InlineData("世", 300)]
    [InlineData("😀", 150)]
    public void A_long_name_is_cut_and_keeps_its_extension(string letter, int count)
    {
        using FileStorage storage = new(10);
        string name = string.Concat(Enumerable.Repeat(letter, count)) + ".png";
        Engine.Run("$run | Save-ComfyRunOutput $folder", ("run", Whole(Id, (name, storage.Link("x")), (name, storage.Link("y")))));
        Assert.Equal(2, Files.Length);
        Assert.All(Files, AssertSane);
        Assert.All(Files, file => Assert.EndsWith(letter + ".png", file, StringComparison.Ordinal));
    }

    [Fact]
    public void Equal_names_get_numbers_regardless_of_case_and_no_file_is_named_part()
    {
        using FileStorage storage = new(10);
        string[] names = ["a.png", "A.PNG", "a.png", "a (2).png", "a", "a.part", "b", "b"];
        Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate '{FileName}'", ("run", Whole(Id, [.. names.Select(name => (name, storage.Link("x")))])));
        Assert.Equal(["A (2).PNG", "a", "a (2) (2).png", "a (3).png", "a.part_", "a.png", "b", "b (2)"], Files);
    }

    private static void AssertSane(string name)
    {
        Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(name), 1, 215);
        Assert.DoesNotContain(name, c => char.IsControl(c) || "<>:\"/\\|?*".Contains(c));
        Assert.DoesNotMatch("(?i)^(con|nul|prn|aux|com[0-9]|lpt[0-9])\\s*(\\.|$)", name);
        Assert.False(name.EndsWith('.') || name.EndsWith(' ') || name.StartsWith(' '));
    }

    private ComfyRun Fox(Uri? link = null)
    {
        ComfyRun run = Whole(Id, ("fox.final.png", link ?? Emulator.StorageUri));
        run.WorkflowName = "portrait";
        run.Label = "shot 1/a";
        run.CreatedAt = new DateTime(2026, 3, 1, 14, 5, 0, DateTimeKind.Local);
        run.Outputs![0].NodeId = "9";
        return run;
    }
}
