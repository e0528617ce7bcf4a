using System.Globalization;
using System.Numerics;

namespace ComfyDeploy.Commands;

/// <summary>
/// Converts a value to what its input takes, or refuses it: the service would replace a wrong value by the default, or fail after the GPU
/// has started, and bill the run.
/// </summary>
internal static class InputConversion
{
    private const decimal StepTolerance = 1e-6m;

    /// <param name="definition">The input.</param>
    /// <param name="value">What the user gave, as a plain value.</param>
    /// <returns>The value to send, or what is wrong with the given one.</returns>
    internal static (object? Value, string? Fault) Convert(ComfyDeploymentInput definition, object? value)
    {
        if (definition.InputKind.Form == InputForm.Any || (definition.InputKind.Form == InputForm.File && IsFile(definition, value)))
            return (value, null);
        object? converted = Parse(definition, value);
        return converted is not null && (IsInRange(definition, converted) || converted.Equals(Parse(definition, definition.Default)))
            ? (converted, null) : (null, InputFaults.Describe(definition, value));
    }

    private static bool IsFile(ComfyDeploymentInput definition, object? value) => value switch
    {
        FileInfo => true,
        string text when string.IsNullOrWhiteSpace(text) => text.Equals(definition.Default),
        string text => definition.InputKind.IsBatch || text.TrimStart()[0] != '[',
        object?[] several => definition.InputKind.IsBatch && several.All(item => item is FileInfo or string { Length: > 0 }),
        _ => false,
    };

    /// <summary>The value in the form that the input takes; null if it is not one.</summary>
    private static object? Parse(ComfyDeploymentInput definition, object? value)
    {
        if (definition.InputKind.Form == InputForm.File || TextOf(value) is not { } text) return null;
        return definition.InputKind.Form switch
        {
            InputForm.Integer => InputNumbers.Integer(text),
            InputForm.Float => InputNumbers.Float(text),
            InputForm.Boolean => Boolean(text),
            InputForm.Option => Option(definition, text, isNumber: value is not (string or bool)),
            _ => text,
        };
    }

    private static string? TextOf(object? value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        // The shortest digits that mean the same number.
        float or double => ((IFormattable)value).ToString("R", CultureInfo.InvariantCulture),
        // All other plain values are numbers, lists, and files.
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => null,
    };

    private static object? Boolean(string text) => text.Trim().ToLowerInvariant() switch
    {
        "true" or "yes" or "on" => true,
        "false" or "no" or "off" => false,
        var other => InputNumbers.Float(other) switch
        {
            1 => true,
            0 => false,
            _ => null,
        },
    };

    /// <summary>The definition's spelling of an option: the node compares exactly.</summary>
    private static string? Option(ComfyDeploymentInput definition, string text, bool isNumber)
    {
        if (definition.Options is not { Count: > 0 } options || text.Equals(definition.Default)) return text;
        return options.FirstOrDefault(option => option == text)
            ?? options.FirstOrDefault(option => string.Equals(option.Trim(), text.Trim(), StringComparison.OrdinalIgnoreCase))
            ?? (isNumber ? options.FirstOrDefault(option => InputNumbers.Float(option) == InputNumbers.Float(text)) : null);
    }

    private static bool IsInRange(ComfyDeploymentInput definition, object value)
    {
        bool isBetween = value switch
        {
            double number => InputNumbers.IsBetween(number, definition),
            long number => InputNumbers.IsBetween((BigInteger)number, definition),
            BigInteger number => InputNumbers.IsBetween(number, definition),
            _ => true,
        };
        return isBetween && IsOnStep(definition, TextOf(value)!);
    }

    private static bool IsOnStep(ComfyDeploymentInput definition, string value)
    {
        if (InputNumbers.StepOf(definition) is not { } step) return true;
        // A number beyond the range of decimal has no digit that a step could be about.
        if (!decimal.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number)) return true;
        try
        {
            decimal rest = Math.Abs((number - (definition.Min ?? 0)) % step);
            decimal tolerance = definition.InputKind.Form == InputForm.Integer ? 0 : StepTolerance * step;
            return rest <= tolerance || step - rest <= tolerance;
        }
        catch (OverflowException)
        {
            return true;
        }
    }
}
