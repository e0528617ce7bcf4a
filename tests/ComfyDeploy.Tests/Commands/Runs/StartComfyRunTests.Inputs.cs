using System.Text.Json.Nodes;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>A wrong value costs nothing: it is not queued, and everything that is right is.</summary>
public sealed class StartComfyRunInputTests() : EngineTest(speed: 100)
{
    private const int Rows = 1000;

    // One wrong value of each sort, by input.
    private static readonly (string Input, object Value)[] Wrong =
    [
        ("steps", "0"), ("steps", 51), ("steps", "10.5"), ("steps", "1,000"), ("steps", "NaN"), ("steps", " "), ("steps", true), ("steps", "1e999"),
        ("seed", -1), ("seed", "x"), ("cfg", "0,5"), ("cfg", 30.01), ("cfg", double.NaN), ("cfg", "Infinity"), ("cfg", double.MaxValue),
        ("style", "phot"), ("style", 5), ("style", new object[] { "photo" }), ("hires", "maybe"), ("hires", 2),
        ("prompt", new object[] { "a", "b" }), ("prompt", new Dictionary<string, object> { ["a"] = 1 }), ("image", "./photo.png"), ("image", new FileInfo("photo.png")),
    ];

    [Fact]
    public void Of_a_thousand_rows_the_wrong_ones_are_not_queued_and_the_others_are()
    {
        Dictionary<string, object>[] rows =
        [
            .. Enumerable.Range(0, Rows).Select(i => new Dictionary<string, object>
            {
                ["prompt"] = $"row {i}", ["steps"] = $"{(i % 50) + 1}", ["cfg"] = "7.5", ["style"] = "PHOTO", ["hires"] = i % 2 == 0 ? "yes" : "no", ["shot"] = $"s{i}",
            }),
        ];
        // Spread over the batch, and never the first row.
        int[] places = [.. Enumerable.Range(0, Wrong.Length).Select(i => 7 + (i * 41))];
        foreach (((string input, object value), int place) in Wrong.Zip(places)) rows[place][input] = value;

        EngineRun run = Engine.Run("$ErrorActionPreference = 'Stop'; $rows | Start-ComfyRun portrait -LabelColumn shot", ("rows", rows));

        Assert.Equal(Rows, run.Objects.Count);
        Assert.Equal(Enumerable.Range(0, Rows).Select(i => $"s{i}"), run.Runs.Select(r => r.Label));
        Assert.Equal(places, Enumerable.Range(0, Rows).Where(i => run.Runs[i].Status == RunStatus.NotQueued));
        Assert.All(Wrong.Zip(places), wrong => Assert.Contains($"'{wrong.First.Input}'", run.Runs[wrong.Second].Error, StringComparison.Ordinal));
        Assert.Equal(Wrong.Length, run.Warnings.Count);
        Assert.Equal(Rows - Wrong.Length, Count("POST", Queue));
        IEnumerable<int> right = Enumerable.Range(0, Rows).Except(places);
        Assert.Equal(right.Select(i => $"row {i}").Order(StringComparer.Ordinal), Emulator.Runs.Select(r => JsonNode.Parse(r.Inputs)!["prompt"]!.GetValue<string>()).Order(StringComparer.Ordinal));
        Assert.All(Emulator.Runs, r => Assert.Equal("""7.5 "photo" """.TrimEnd(), $"{JsonNode.Parse(r.Inputs)!["cfg"]} {JsonNode.Parse(r.Inputs)!["style"]!.ToJsonString()}"));
    }

    [Fact]
    public void All_wrong_columns_of_a_row_are_named_at_once()
    {
        string message = Engine.RunWithErrors("Start-ComfyRun portrait ([ordered]@{ steps = 0; style = 'phot'; cfg = 7 })").Error(ErrorIds.InvalidInput).ToString();
        Assert.Equal("Input 'steps' takes an integer from 1 to 50, not '0'. Input 'style' takes one of noir, anime, photo, not 'phot'. Nearest: photo.", message);
        Assert.Empty(Emulator.Runs);
    }

    [Fact]
    public void The_check_can_be_skipped()
    {
        Engine.Run("Start-ComfyRun portrait @{ steps = '0' } -SkipInputCheck");
        Assert.Equal("""{"steps":"0"}""", Assert.Single(Emulator.Runs).Inputs);
    }

    [Theory]
    [InlineData("Start-ComfyRun portrait @{ image = $file } -SkipInputCheck")]
    [InlineData("Start-ComfyRun portrait @{ image = $file }")]
    [InlineData("$file | Start-ComfyRun portrait -InputName image")]
    [InlineData("$file | Start-ComfyRun portrait -InputName prompt")]
    public void A_file_is_never_sent_as_its_path(string script)
    {
        EngineRun run = Engine.RunWithErrors(script, ("file", new FileInfo("photo.png")));
        string message = run.Runs.Count > 0 ? Assert.Single(run.Runs).Error! : run.Error(ErrorIds.FileNotFound).ToString();
        Assert.Matches("the file 'photo.png'|There is no file '.*photo.png'", message);
        Assert.Empty(Emulator.Runs);
    }
}
