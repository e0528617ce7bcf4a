using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Commands;
using ComfyDeploy.Text;

namespace ComfyDeploy.Tests.Commands;

/// <summary>What becomes of the values that users give, and what is said of those that are refused.</summary>
public sealed class InputConversionTests
{
    public static TheoryData<string, object?, string> Conversions => new()
    {
        // node, value, JSON
        { "NumberInt", "7", "7" },
        { "NumberInt", " 7 ", "7" },
        { "NumberInt", "\u00a07\t", "7" },
        { "NumberInt", "+7", "7" },
        { "NumberInt", "-7", "-7" },
        { "NumberInt", "007", "7" },
        { "NumberInt", "1e3", "1000" },
        { "NumberInt", "1.5e3", "1500" },
        { "NumberInt", "2500e-2", "25" },
        { "NumberInt", "10.0", "10" },
        { "NumberInt", "0e999999999", "0" },
        { "NumberInt", 10.0, "10" },
        { "NumberInt", 10f, "10" },
        { "NumberInt", 10.0m, "10" },
        { "NumberInt", '5', "5" },
        { "NumberInt", long.MaxValue, "9223372036854775807" },
        { "Seed", long.MinValue, "-9223372036854775808" },
        { "Seed", ulong.MaxValue, "18446744073709551615" },
        { "Seed", "9007199254740993", "9007199254740993" },
        { "Seed", "18446744073709551615", "18446744073709551615" },
        { "Seed", "1e30", "1000000000000000000000000000000" },
        { "Seed", (byte)3, "3" },
        { "Number", "0.5", "0.5" },
        { "Number", ".5", "0.5" },
        { "Number", "5.", "5" },
        { "Number", "1e-30", "1E-30" },
        { "Number", 1e308, "1E+308" },
        { "Number", "1e308", "1E+308" },
        { "Number", 0.1f, "0.1" },
        { "Number", 0.1 + 0.2, "0.30000000000000004" },
        { "Number", 5, "5" },
        { "Boolean", true, "true" },
        { "Boolean", false, "false" },
        { "Boolean", "TRUE", "true" },
        { "Boolean", " Yes ", "true" },
        { "Boolean", "on", "true" },
        { "Boolean", "1", "true" },
        { "Boolean", 1, "true" },
        { "Boolean", 1.0m, "true" },
        { "Boolean", "False", "false" },
        { "Boolean", "no", "false" },
        { "Boolean", "OFF", "false" },
        { "Boolean", "0", "false" },
        { "Boolean", 0, "false" },
        { "Text", "  as it is  ", "\"  as it is  \"" },
        { "Text", "", "\"\"" },
        { "Text", 1984, "\"1984\"" },
        { "Text", 0.5, "\"0.5\"" },
        { "Text", 10.0m, "\"10.0\"" },
        { "Text", true, "\"true\"" },
        { "Text", 'x', "\"x\"" },
        { "Text", DayOfWeek.Monday, "\"Monday\"" },
        { "Text", new DateTime(2026, 11, 24, 1, 2, 3, DateTimeKind.Utc), "\"2026-11-24T01:02:03.0000000Z\"" },
        { "Text", new DateOnly(2026, 11, 24), "\"2026-11-24\"" },
        { "Text", new TimeSpan(1, 2, 3), "\"01:02:03\"" },
        { "Text", new Version(1, 2), "\"1.2\"" },
        { "Text", new Uri("https://host/a b"), "\"https://host/a b\"" },
        { "TextAny", 5, "\"5\"" },
        { "Color", "#ff0000", "\"#ff0000\"" },
        { "Lora", "a.safetensors", "\"a.safetensors\"" },
        { "Enum", "anything", "\"anything\"" },
        // A file's value is checked elsewhere.
        { "ImageBatch", new object[] { "https://host/a.png" }, "[\"https://host/a.png\"]" },
        // What is not known is left alone.
        { "Hologram", "007", "\"007\"" },
        { "Hologram", 1.50, "1.5" },
        { "Hologram", new object[] { 1, "a", true }, "[1,\"a\",true]" },
    };

    [Theory]
    [MemberData(nameof(Conversions))]
    public void A_value_becomes_what_the_input_takes(string node, object? value, string json)
    {
        Assert.Equal($$"""{"a":{{json}}}""", Sent(Of(node), value));
        Assert.Equal($$"""{"a":{{json}}}""", Sent(Of(node), new PSObject(value)));
    }

    [Theory]
    [InlineData("NumberInt", "")]
    [InlineData("NumberInt", " ")]
    [InlineData("NumberInt", "1.5")]
    [InlineData("NumberInt", "15e-1")]
    [InlineData("NumberInt", "1,000")]
    [InlineData("NumberInt", "1 000")]
    [InlineData("NumberInt", "1_000")]
    [InlineData("NumberInt", "0x10")]
    [InlineData("NumberInt", "(5)")]
    [InlineData("NumberInt", "--5")]
    [InlineData("NumberInt", "٣")]
    [InlineData("NumberInt", "1e")]
    [InlineData("NumberInt", ".")]
    [InlineData("NumberInt", "1e999999999")]
    [InlineData("NumberInt", "1e99999999999999999999")]
    [InlineData("NumberInt", "true")]
    [InlineData("NumberInt", true)]
    [InlineData("NumberInt", 1.5)]
    [InlineData("NumberInt", "NaN")]
    [InlineData("Number", "NaN")]
    [InlineData("Number", "Infinity")]
    [InlineData("Number", "∞")]
    [InlineData("Number", "1e309")]
    [InlineData("Number", "0,5")]
    [InlineData("Number", "1,000.5")]
    [InlineData("Number", "$5")]
    [InlineData("Number", true)]
    [InlineData("Boolean", "maybe")]
    [InlineData("Boolean", "")]
    [InlineData("Boolean", 2)]
    [InlineData("Boolean", 0.5)]
    public void What_is_not_of_the_type_is_refused(string node, object value) =>
        Assert.StartsWith("Input 'a' takes ", Refusal(Of(node), value), StringComparison.Ordinal);

    [Theory]
    [InlineData("Text")]
    [InlineData("TextSingleLine")]
    [InlineData("NumberInt")]
    [InlineData("Number")]
    [InlineData("Boolean")]
    [InlineData("Enum")]
    [InlineData("Color")]
    public void A_list_is_refused_where_one_value_is_taken(string node)
    {
        Assert.EndsWith(", not a list of 2.", Refusal(Of(node), new object[] { 1, 1 }), StringComparison.Ordinal);
        Assert.EndsWith(", not a list of 1.", Refusal(Of(node), new List<string> { "1" }), StringComparison.Ordinal);
    }

    [Fact]
    public void Values_that_JSON_cannot_hold_are_refused_for_any_input()
    {
        foreach (object value in new object[] { double.NaN, float.PositiveInfinity, new Dictionary<string, object> { ["a"] = 1 }, new PSObject(), ScriptBlock.Create("1") })
        {
            Assert.Equal(ErrorIds.InvalidInput, Assert.Throws<ComfyDeployException>(() => Sent(Of("Hologram"), value)).ErrorId);
            Assert.Equal(ErrorIds.InvalidInput, Assert.Throws<ComfyDeployException>(() => Sent(Of("Text"), new[] { value })).ErrorId);
        }
    }

    [Fact]
    public void A_file_is_kept_for_a_file_input_and_refused_by_others()
    {
        FileInfo file = new("photo.png");
        InputSet inputs = new();
        inputs.Set("a", new PSObject(file));
        inputs.Fit([Of("Image")]);
        Assert.Equal(file.FullName, Assert.IsType<FileInfo>(inputs.Values["a"]).FullName);
        Assert.Equal("Input 'a' takes text, not the file 'photo.png'.", Refusal(Of("Text"), file));
    }

    [Fact]
    public void The_message_names_the_input_the_value_and_what_is_allowed()
    {
        Assert.Equal("Input 'a' takes an integer from 1 to 50 in steps of 1, not '0'.", Refusal(Slider("NumberSliderInt", 1, 50, 1), 0));
        Assert.Equal("Input 'a' takes a number from 0.5 to 8 in steps of 0.25, not '0.6'.", Refusal(Slider("NumberSlider", 0.50m, 8.0m, 0.25m), "0.6"));
        Assert.Equal("Input 'a' takes an integer of 0 or more, not '-1'.", Refusal(Slider("Seed", 0, null, null), -1));
        Assert.Equal("Input 'a' takes a number of 1 or less, not '1.01'.", Refusal(Slider("Number", null, 1, null), 1.01));
        Assert.Equal("Input 'a' takes true or false, not '2'.", Refusal(Of("Boolean"), 2));
        Assert.Equal("Input 'a' takes an integer, not true.", Refusal(Of("NumberInt"), true));
        Assert.Equal("Input 'a' takes one of photo, anime, oil, not 'phot'. Nearest: photo.", Refusal(Enum("photo", "anime", "oil"), "phot"));
        Assert.Equal("Input 'a' takes one of photo, anime, not 'xxxxxxxxxx'.", Refusal(Enum("photo", "anime"), "xxxxxxxxxx"));
    }

    [Theory]
    [InlineData("0,5", " Write 0.5.")]
    [InlineData(" -12,25 ", " Write -12.25.")]
    [InlineData("1,000", " Write it without separators; the decimal separator is a point.")]
    [InlineData("1.000,5", " Write it without separators; the decimal separator is a point.")]
    [InlineData("a", "")]
    public void A_decimal_comma_is_explained(string text, string hint) => Assert.EndsWith($", not '{text.TrimEnd()}'.{hint}", Refusal(Of("Number"), text), StringComparison.Ordinal);

    [Fact]
    public void Long_values_and_long_lists_are_shortened()
    {
        Assert.InRange(Refusal(Of("NumberInt"), new string('x', 1_000_000)).Length, 100, 200);
        string message = Refusal(Enum([.. Enumerable.Range(1, 500).Select(i => $"option-{i}")]), "?????????????");
        Assert.Contains("option-20, and 480 more, not", message, StringComparison.Ordinal);
        Assert.DoesNotContain("option-21", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", Refusal(Of("NumberInt"), "https://host/a.png?X-Amz-Signature=secret"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("photo", "photo")]
    [InlineData("PHOTO", "photo")]
    [InlineData(" Photo ", "photo")]
    [InlineData("Oil", "Oil")]
    [InlineData("oil", "oil")]
    [InlineData(512, "512")]
    [InlineData(512.0, "512")]
    [InlineData("512", "512")]
    [InlineData(0.5, "0.50")]
    [InlineData(true, "True")]
    [InlineData("not an option, but the default", "not an option, but the default")]
    public void The_spelling_of_the_definition_is_sent(object value, string option)
    {
        ComfyDeploymentInput input = new()
        {
            Name = "a",
            NodeClass = "ComfyUIDeployExternalEnum",
            Options = new(["photo", "oil", "Oil", "512", "0.50", "True"]),
            Default = "not an option, but the default",
        };
        Assert.Equal($$"""{"a":"{{option}}"}""", Sent(input, value));
    }

    [Fact]
    public void Limits_are_included_and_compared_exactly()
    {
        ComfyDeploymentInput seed = Slider("Seed", long.MinValue, ulong.MaxValue, null);
        Assert.Equal("""{"a":18446744073709551615}""", Sent(seed, ulong.MaxValue));
        Refusal(seed, "18446744073709551616");
        Refusal(seed, "-9223372036854775809");
        ComfyDeploymentInput share = Slider("Number", 0.1m, 0.3m, null);
        Assert.Equal("""{"a":0.1}""", Sent(share, 0.1));
        Assert.Equal("""{"a":0.3}""", Sent(share, "0.3"));
        Refusal(share, 0.1 + 0.2);
        Refusal(share, "0.09999999999999999");
        ComfyDeploymentInput half = Slider("NumberInt", 0.5m, 1.5m, null);
        Assert.Equal("""{"a":1}""", Sent(half, 1));
        Refusal(half, 0);
        Refusal(half, 2);
    }

    [Fact]
    public void Steps_count_from_the_lowest_number_and_only_on_sliders()
    {
        Assert.Equal("""{"a":17}""", Sent(Slider("NumberSliderInt", 1, 100, 8), 17));
        Refusal(Slider("NumberSliderInt", 1, 100, 8), 16);
        Assert.Equal("""{"a":16}""", Sent(Slider("NumberSliderInt", null, 100, 8), 16));
        Refusal(Slider("NumberSliderInt", null, 100, 8), 17);
        // The step of any other node is a hint for forms.
        Assert.Equal("""{"a":16}""", Sent(Slider("NumberInt", 1, 100, 8), 16));
        Assert.Equal("""{"a":0.6}""", Sent(Slider("Number", 0, 1, 0.25m), 0.6));
        // Computed as doubles: 0.30000000000000004, 0.7999999999999999.
        Assert.Equal("""{"a":0.30000000000000004}""", Sent(Slider("NumberSlider", 0, 1, 0.1m), 0.1 + 0.2));
        Assert.Equal("""{"a":0.7999999999999999}""", Sent(Slider("NumberSlider", 0, 1, 0.1m), 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1));
        Refusal(Slider("NumberSlider", 0, 1, 0.1m), 0.35);
    }

    [Fact]
    public void A_default_is_always_taken()
    {
        ComfyDeploymentInput steps = new() { Name = "a", NodeClass = "ComfyUIDeployExternalNumberSliderInt", Min = 1, Max = 50, Step = 7, Default = 99L };
        Assert.Equal("""{"a":99}""", Sent(steps, "99"));
        Refusal(steps, 98);
    }

    [Theory]
    [InlineData(10, 1, null)]
    [InlineData(10, 1, 4)]
    [InlineData(null, null, 0)]
    [InlineData(null, null, -2)]
    public void A_check_that_makes_no_sense_is_left_out(int? min, int? max, int? step)
    {
        foreach (int value in (int[])[-7, 0, 5, 1000]) Sent(Slider("NumberSliderInt", min, max, step), value);
        Assert.Equal("Input 'a' takes an integer, not 'x'.", Refusal(Slider("NumberSliderInt", min, max, step), "x"));
    }

    [Fact]
    public void Numbers_at_the_limits_of_decimal_do_not_overflow()
    {
        ComfyDeploymentInput widest = Slider("NumberSlider", decimal.MinValue, decimal.MaxValue, 0.0000000000000000000000000001m);
        foreach (object value in (object[])[0, decimal.MaxValue, decimal.MinValue, 1e-300, "0.1234567890123456789012345678901234567890"]) Sent(widest, value);
        Refusal(widest, 1e30);
    }

    [Fact]
    public void All_wrong_values_of_a_row_are_named_at_once()
    {
        InputSet inputs = new();
        inputs.Set("b", 5);
        inputs.Set("a", "x");
        inputs.Set("C", "y");
        ComfyDeployException error = Assert.Throws<ComfyDeployException>(() => inputs.Fit(
            [Of("NumberInt"), new() { Name = "b", NodeClass = "ComfyUIDeployExternalText" }, new() { Name = "c", NodeClass = "ComfyUIDeployExternalBoolean" }]));
        Assert.Equal("Input 'a' takes an integer, not 'x'. Input 'c' takes true or false, not 'y'.", error.Message);
    }

    [Fact]
    public void The_culture_changes_nothing()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new("de-DE");
            Assert.Equal("""{"a":0.5}""", Sent(Of("Number"), "0.5"));
            Assert.Equal("""{"a":"0.5"}""", Sent(Of("Text"), 0.5));
            Refusal(Of("Number"), "0,5");
            Assert.Contains("from 0.5 to 1.5, not '2.5'", Refusal(Slider("Number", 0.5m, 1.5m, null), 2.5), StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static ComfyDeploymentInput Of(string node) => new() { Name = "a", NodeClass = "ComfyUIDeployExternal" + node };

    private static ComfyDeploymentInput Slider(string node, decimal? min, decimal? max, decimal? step) =>
        new() { Name = "a", NodeClass = "ComfyUIDeployExternal" + node, Min = min, Max = max, Step = step };

    private static ComfyDeploymentInput Enum(params string[] options) => new() { Name = "a", NodeClass = "ComfyUIDeployExternalEnum", Options = new(options) };

    /// <summary>The inputs that would be sent, as JSON.</summary>
    private static string Sent(ComfyDeploymentInput definition, object? value)
    {
        InputSet inputs = new();
        inputs.Set("A", value);
        inputs.Fit([definition]);
        return JsonText.Write(inputs.Values);
    }

    private static string Refusal(ComfyDeploymentInput definition, object? value)
    {
        ComfyDeployException error = Assert.Throws<ComfyDeployException>(() => Sent(definition, value));
        Assert.Equal(ErrorIds.InvalidInput, error.ErrorId);
        return error.Message;
    }
}
