using System.Text;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>The inputs of a run in the names of its files.</summary>
public sealed class InputNameTests : OutputsTest
{
    private const string Id = "0a1b2c3d-1111-4222-8333-444455556666";
    private const string Inputs = """
        {"prompt":"A fox,\n  in the \u0007snow: 1/2","Prompt":"other","seed":42,"scale":1.50,"hires":true,"empty":"","nothing":null,
         "image":"https://storage.test/inputs/big%20cat.png?X-Amz-Signature=secret","images":["https://s.test/a.png","https://s.test/b.png"],
         "inline":"data:image/png;base64,AAAA","tags":["a",1],"size":{"w":1},"a b.c":"dotted","accents":"e\u0301e\u0301e\u0301","emoji":"😀😀😀","dots":"one. two"}
        """;

    [Theory]
    [InlineData("{Input.prompt}", "A fox, in the _snow_ 1-2")]
    [InlineData("{Input.Prompt}", "other")]
    [InlineData("{input.SEED}", "42")]
    [InlineData("{Input.prompt:5}", "A fox")]
    [InlineData("{Input.prompt:7}x", "A fox,x")]
    [InlineData("{Input.scale}", "1.50")]
    [InlineData("{Input.hires}", "true")]
    [InlineData("x{Input.empty}", "x")]
    [InlineData("x{Input.nothing}", "x")]
    [InlineData("x{Input.missing}", "x")]
    [InlineData("x{Input.inline}", "x")]
    [InlineData("{Input.image}", "big cat.png")]
    [InlineData("{Input.images}", "a.png, b.png")]
    [InlineData("{Input.tags}", "a, 1")]
    [InlineData("{Input.size}", "{_w__1}")]
    [InlineData("{Input.a b.c}", "dotted")]
    [InlineData("{Input.accents:2}", "e\u0301e\u0301")]
    [InlineData("{Input.emoji:2}", "😀😀")]
    [InlineData("{Input.dots:4}_{Index}", "one_0")]
    [InlineData("{Input.missing}/{Index}", "output/0")]
    public void An_input_is_part_of_the_name(string template, string expected)
    {
        using FileStorage storage = new(10);
        EngineRun run = Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate $template", ("run", With(Inputs, storage)), ("template", template));
        Assert.Equal(expected, Path.GetRelativePath(Folder, run.One<FileInfo>().FullName).Replace('\\', '/'));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("[]")]
    public void A_run_without_inputs_has_empty_ones(string? inputs)
    {
        using FileStorage storage = new(10);
        Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate 'x{Input.prompt}'", ("run", With(inputs, storage)));
        Assert.Equal(["x"], Files);
    }

    [Theory]
    [InlineData("n")]
    [InlineData("世")]
    [InlineData("😀")]
    [InlineData("e\u0301\u0302")]
    [InlineData("word. ")]
    public void A_long_input_is_cut_between_letters_and_leaves_the_rest_whole(string letter)
    {
        using FileStorage storage = new(10);
        string prompt = string.Concat(Enumerable.Repeat(letter, 500));
        ComfyRun run = With($$"""{"prompt":"{{prompt}}"}""", storage);
        Engine.Run("$run | Save-ComfyRunOutput $folder -NameTemplate '{Input.prompt}_{RunId:12}_{Index:00}{Extension}'", ("run", run));
        string name = Assert.Single(Files);
        const string rest = "_0a1b2c3d1111_00.png";
        Assert.EndsWith(rest, name, StringComparison.Ordinal);
        string part = name[..^rest.Length];
        Assert.InRange(Encoding.UTF8.GetByteCount(name), 150, 255);
        Assert.Equal(string.Concat(Enumerable.Repeat(letter, (part.Length + letter.Length - 1) / letter.Length)).TrimEnd(' ', '.'), part.TrimEnd(' ', '.'));
        if (!letter.StartsWith('w')) Assert.Equal(0, part.Length % letter.Length);
    }

    [Fact]
    public void The_default_template_cuts_a_file_name_between_letters()
    {
        using FileStorage storage = new(10);
        string letter = "e\u0301\u0302";
        ComfyRun run = Whole(Id, (string.Concat(Enumerable.Repeat(letter, 300)) + ".png", storage.Link("x")));
        Engine.Run("$run | Save-ComfyRunOutput $folder", ("run", run));
        Assert.EndsWith(letter + ".png", Assert.Single(Files), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_token_names_the_nearest_and_all()
    {
        string Message(string template) => Engine.RunWithErrors("$id | Save-ComfyRunOutput $folder -NameTemplate $template", ("id", Id), ("template", template)).Error("InvalidInput").ToString();
        Assert.Contains("there is no {Lable}. Nearest: {Label}", Message("{Lable}"), StringComparison.Ordinal);
        Assert.Contains("Known: {Created} {Deployment} {Workflow} {Label} {RunId} {Index} {Kind} {NodeId} {FileName} {BaseName} {Name} {Extension} {Input.NAME}.", Message("{Lable}"), StringComparison.Ordinal);
        Assert.Contains("there is no {Input}. Nearest: {Input.NAME}", Message("{Input}"), StringComparison.Ordinal);
        Assert.Contains("{Input.prompt:40}", Message("{Input.prompt:x}"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_input_does_not_identify_an_output()
    {
        string id = Ended("a fox");
        foreach (int _ in (int[])[1, 2]) Engine.Run("Save-ComfyRunOutput $folder -RunId $id -NameTemplate '{Input.prompt}{Extension}'", ("id", id));
        Assert.Equal(["a fox (2).png", "a fox.png"], Files);
        Assert.Equal(2, Downloads.Count);
    }

    private ComfyRun With(string? inputs, FileStorage storage)
    {
        ComfyRun run = Whole(Id, ("x.png", storage.Link("x")));
        run.InputsJson = inputs;
        return run;
    }
}
