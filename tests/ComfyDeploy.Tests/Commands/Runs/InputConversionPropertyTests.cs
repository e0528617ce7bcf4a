using System.Globalization;
using System.Management.Automation;
using System.Numerics;
using ComfyDeploy.Commands;
using ComfyDeploy.Text;
using CsCheck;

namespace ComfyDeploy.Tests.Commands;

/// <summary>
/// What a definition allows is taken in every form that PowerShell gives it, and arrives as the same value; what it does not allow is
/// refused in every form. Definitions, values and forms are random.
/// </summary>
public sealed class InputConversionPropertyTests
{
    private const int Iterations = 5000;

    private static readonly Gen<string> Word = Gen.OneOf(
        Gen.String[Gen.Char["abcXYZ0159 .,-_éß"], 1, 12].Where(text => text.Trim().Length > 0), Gen.Int[0, 2000].Select(i => i.ToString(CultureInfo.InvariantCulture)));

    // Options that are the same number, such as 5 and 5., are one: a number does not tell which is meant.
    private static readonly Gen<string[]> Options = Word.Array[1, 30].Select(words => words.DistinctBy(word =>
        decimal.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number) ? $"{number:G29}" : word.Trim().ToUpperInvariant()).ToArray());

    // A whole number at or near zero, the limits of int, double, long and ulong.
    private static readonly Gen<BigInteger> Whole =
        from near in Gen.OneOf<BigInteger>(0, int.MaxValue, -(BigInteger)int.MaxValue, BigInteger.Pow(2, 53), long.MaxValue, long.MinValue, ulong.MaxValue)
        from distance in Gen.Int[-1000, 1000]
        select near + distance;

    private static readonly Gen<decimal> Fraction =
        from digits in Gen.Long[-1_000_000_000, 1_000_000_000]
        from scale in Gen.Int[0, 6]
        select digits / (decimal)Math.Pow(10, scale);

    // A definition, a value that it allows, often a limit, and those that it does not.
    private static readonly Gen<Case> Integers =
        from node in Gen.OneOf("NumberInt", "Seed", "NumberSliderInt")
        from min in Whole
        from step in Gen.Int[1, 100]
        from span in Gen.Int[0, 10_000]
        from chosen in Gen.OneOf(Gen.Const(0), Gen.Const(span), Gen.Int[0, span])
        from hasMin in Gen.Bool
        from hasMax in Gen.Bool
        let isSlider = node == "NumberSliderInt"
        let start = isSlider && !hasMin ? min - (min % step) : min
        let allowed = start + ((BigInteger)chosen * step)
        let max = start + ((BigInteger)span * step)
        let definition = Definition(node, hasMin ? (decimal)start : null, hasMax ? (decimal)max : null, step)
        let wrong = new List<object>([.. hasMin ? (object[])[start - 1] : [], .. hasMax ? (object[])[max + 1] : [], .. isSlider && step > 1 ? (object[])[allowed + 1] : [], allowed + ".5"])
        select new Case(definition, allowed.ToString(CultureInfo.InvariantCulture), FormsOf(allowed), [.. wrong.SelectMany(value => value is BigInteger number ? FormsOf(number) : [value])]);

    private static readonly Gen<Case> Numbers =
        from node in Gen.OneOf("Number", "NumberSlider")
        from min in Fraction
        from step in Gen.OneOf(0.01m, 0.05m, 0.1m, 0.25m, 0.5m, 1m, 3m)
        from span in Gen.Int[0, 10_000]
        from chosen in Gen.OneOf(Gen.Const(0), Gen.Const(span), Gen.Int[0, span])
        from hasMin in Gen.Bool
        from hasMax in Gen.Bool
        let isSlider = node == "NumberSlider"
        let start = isSlider && !hasMin ? min - (min % step) : min
        let allowed = start + (chosen * step)
        let max = start + (span * step)
        let definition = Definition(node, hasMin ? start : null, hasMax ? max : null, step)
        let wrong = new List<decimal>([.. hasMin ? (decimal[])[start - (step / 10)] : [], .. hasMax ? (decimal[])[max + (step / 10)] : [], .. isSlider ? (decimal[])[allowed + (step / 2)] : []])
        select new Case(definition, allowed.ToString(CultureInfo.InvariantCulture), FormsOf(allowed), [.. wrong.SelectMany(FormsOf), "x", "", true]);

    private static readonly Gen<Case> Choices =
        from options in Options
        from chosen in Gen.Int[0, 29]
        from other in Word
        let option = options[chosen % options.Length]
        let definition = new ComfyDeploymentInput { Name = "a", NodeClass = "ComfyUIDeployExternalEnum", Options = new(options) }
        let forms = new List<object>([option, option.ToUpperInvariant(), $" {option}\t", .. int.TryParse(option, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && option == $"{number}" ? FormsOf((BigInteger)number) : []])
        // A letter may have no upper case of its own length, such as ß.
        select new Case(definition, JsonText.Build(writer => JsonText.WriteValue(writer, option)),
            [.. forms.Where(form => form is not string text || string.Equals(text.Trim(), option.Trim(), StringComparison.OrdinalIgnoreCase))],
            options.Any(known => string.Equals(known.Trim(), other.Trim(), StringComparison.OrdinalIgnoreCase)) ? [] : [other]);

    private static readonly Gen<Case> Flags =
        from flag in Gen.Bool
        let words = flag ? new object[] { true, "true", "TRUE", "Yes", "on", "1", 1, 1.0, 1m, (byte)1, BigInteger.One, new SwitchParameter(true), " True " }
            : [false, "false", "False", "NO", "off", "0", 0, 0.0, 0m, 0L, new SwitchParameter(false)]
        select new Case(Definition("Boolean", null, null, null), flag ? "true" : "false", words, ["maybe", "", 2, -1, 0.5, "truee", new object[] { flag }]);

    private static readonly Gen<Case> Texts =
        from text in Gen.String
        from number in Gen.Int
        from node in Gen.OneOf("Text", "TextAny", "TextSingleLine", "Color", "Lora", "Checkpoint")
        from isNumber in Gen.Bool
        let value = isNumber ? number.ToString(CultureInfo.InvariantCulture) : text
        select new Case(Definition(node, null, null, null), JsonText.Build(writer => JsonText.WriteValue(writer, value)), isNumber ? [value, number, (long)number, (decimal)number, (BigInteger)number] : [value],
            [new object[] { value }]);

    private static readonly Gen<Case> Cases = Gen.OneOf(Integers, Numbers, Choices, Flags, Texts);

    [Fact]
    public void What_the_definition_allows_is_taken_in_every_form() => Cases.Sample(
        given =>
        {
            foreach (object form in given.Allowed)
            {
                Assert.Equal(given.Json, Canonical(Send(given.Definition, form)));
                Assert.Equal(given.Json, Canonical(Send(given.Definition, new PSObject(form))));
            }
        },
        iter: Iterations, print: Print);

    [Fact]
    public void What_the_definition_does_not_allow_is_refused_in_every_form() => Cases.Sample(
        given =>
        {
            foreach (object form in given.Refused)
            {
                Assert.Equal(ErrorIds.InvalidInput, Assert.Throws<ComfyDeployException>(() => Send(given.Definition, form)).ErrorId);
                Assert.Equal(ErrorIds.InvalidInput, Assert.Throws<ComfyDeployException>(() => Send(given.Definition, new PSObject(form))).ErrorId);
            }
        },
        iter: Iterations, print: Print);

    private static ComfyDeploymentInput Definition(string node, decimal? min, decimal? max, decimal? step) =>
        new() { Name = "a", NodeClass = "ComfyUIDeployExternal" + node, Min = min, Max = max, Step = step };

    /// <summary>An integer as PowerShell may hold it.</summary>
    private static object[] FormsOf(BigInteger value)
    {
        string digits = value.ToString(CultureInfo.InvariantCulture);
        List<object> forms = [value, (decimal)value, (decimal)value + 0.00m, digits, $" {digits} ", digits + ".0", digits + "e0", digits + "0e-1"];
        if (value >= 0) forms.Add("+" + digits);
        if (value >= int.MinValue && value <= int.MaxValue) forms.Add((int)value);
        if (value >= short.MinValue && value <= short.MaxValue) forms.Add((short)value);
        if (value >= long.MinValue && value <= long.MaxValue) forms.Add((long)value);
        if (value >= 0 && value <= ulong.MaxValue) forms.Add((ulong)value);
        if (BigInteger.Abs(value) <= BigInteger.Pow(2, 53)) forms.Add((double)value);
        if (BigInteger.Abs(value) <= BigInteger.Pow(2, 24)) forms.Add((float)value);
        return [.. forms];
    }

    /// <summary>A number as PowerShell may hold it.</summary>
    private static object[] FormsOf(decimal value)
    {
        string digits = value.ToString(CultureInfo.InvariantCulture);
        string shortest = ((double)value).ToString("R", CultureInfo.InvariantCulture);
        List<object> forms = [value, double.Parse(digits, CultureInfo.InvariantCulture), digits, $" {digits}\t", digits + "e0", shortest];
        if (decimal.Truncate(value) == value) forms.AddRange(FormsOf(new BigInteger(value)));
        if (decimal.TryParse(((float)value).ToString("R", CultureInfo.InvariantCulture), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal single) && single == value) forms.Add((float)value);
        return [.. forms];
    }

    /// <summary>The value that would be sent, as JSON.</summary>
    private static string Send(ComfyDeploymentInput definition, object value)
    {
        InputSet inputs = new();
        inputs.Set("A", value);
        inputs.Fit([definition]);
        return JsonText.Build(writer => JsonText.WriteValue(writer, inputs.Values["a"]));
    }

    /// <summary>A number without an exponent or zeros at the end; all else as it is.</summary>
    private static string Canonical(string json) =>
        decimal.TryParse(json, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number) ? number.ToString("0.############", CultureInfo.InvariantCulture) : json;

    private static string Print(Case given) =>
        $"{given.Definition.NodeClass} min {given.Definition.Min} max {given.Definition.Max} step {given.Definition.Step} options {given.Definition.Options}: allowed {given.Json}, "
            + $"refused {string.Join(" | ", given.Refused.Select(form => $"{form.GetType().Name} {form}"))}";

    private sealed record Case(ComfyDeploymentInput Definition, string Canonical, object[] Allowed, object[] Refused)
    {
        internal string Json { get; } = InputConversionPropertyTests.Canonical(Canonical);
    }
}
