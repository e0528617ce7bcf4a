using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Commands;

/// <summary>Numbers as users write them, in every culture the same: digits, a decimal point, an exponent, and nothing else.</summary>
internal static class InputNumbers
{
    // The digits of the largest double: more would cost time and memory, and no service reads them.
    private const int MaxDigits = 309;

    private static readonly Regex Syntax = new(
        @"^(?<sign>[+-]?)(?=\.?[0-9])(?<whole>[0-9]*)\.?(?<fraction>[0-9]*)([eE](?<exponent>[+-]?[0-9]+))?$",
        RegexOptions.CultureInvariant);

    /// <summary>The integer that a text means, also as <c>10.0</c> or <c>1e3</c>, without rounding; null if there is none.</summary>
    /// <returns>A long where possible, otherwise a BigInteger.</returns>
    internal static object? Integer(string text)
    {
        Match match = Syntax.Match(text.Trim());
        if (!match.Success) return null;
        string fraction = match.Groups["fraction"].Value;
        string digits = (match.Groups["whole"].Value + fraction).TrimStart('0');
        string significant = digits.TrimEnd('0');
        if (significant.Length == 0) return 0L;
        string exponent = match.Groups["exponent"].Value;
        if (!int.TryParse(exponent.Length > 0 ? exponent : "0", NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int power))
        {
            return null;
        }
        long zeros = (long)power - fraction.Length + digits.Length - significant.Length;
        if (zeros < 0 || significant.Length + zeros > MaxDigits) return null;
        string whole = match.Groups["sign"].Value + significant + new string('0', (int)zeros);
        BigInteger number = BigInteger.Parse(whole, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return number >= long.MinValue && number <= long.MaxValue ? (long)number : number;
    }

    /// <summary>The number that a text means; null if it is none, or is beyond the range of double.</summary>
    internal static double? Float(string text)
    {
        string trimmed = text.Trim();
        return Syntax.IsMatch(trimmed) && double.TryParse(trimmed, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && !double.IsInfinity(number) ? number : null;
    }

    /// <summary>Whether the range has a meaning: a lowest number above the highest allows nothing.</summary>
    internal static bool HasRange(ComfyDeploymentInput definition) => !(definition.Min > definition.Max);

    /// <summary>The step that the node enforces; null for none.</summary>
    internal static decimal? StepOf(ComfyDeploymentInput definition) =>
        definition.InputKind.IsSlider && definition.Step > 0 && HasRange(definition) ? definition.Step : null;

    internal static bool IsBetween(BigInteger value, ComfyDeploymentInput definition) => !HasRange(definition)
        || ((definition.Min is not { } min || value >= new BigInteger(Math.Ceiling(min)))
            && (definition.Max is not { } max || value <= new BigInteger(Math.Floor(max))));

    /// <summary>Compares as the service does: the limits are doubles there too.</summary>
    internal static bool IsBetween(double value, ComfyDeploymentInput definition) => !HasRange(definition)
        || (!(value < ToDouble(definition.Min)) && !(value > ToDouble(definition.Max)));

    /// <summary>The digits of a limit, without an exponent and zeros at the end.</summary>
    internal static string Text(decimal number) => number.ToString("0.############################", CultureInfo.InvariantCulture);

    // By its digits: a conversion may be off by the last bit.
    private static double? ToDouble(decimal? limit) => limit is { } number ? Float(number.ToString(CultureInfo.InvariantCulture)) : null;
}
