using System.Globalization;
using System.Text.RegularExpressions;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>Says which value an input refuses, and what it takes.</summary>
internal static class InputFaults
{
    private const int MaxOptions = 20;
    private const int MaxLength = 100;
    private static readonly Regex DecimalComma = new("^[+-]?[0-9]*,([0-9]{1,2}|[0-9]{4,})$", RegexOptions.CultureInvariant);

    internal static string Describe(ComfyDeploymentInput definition, object? value)
    {
        string hint = value is string text ? Hint(definition, text) : string.Empty;
        return $"Input '{definition.Name}' takes {Expected(definition)}, not {Shown(value)}.{hint}";
    }

    private static string Shown(object? value) => value switch
    {
        bool flag => flag ? "true" : "false",
        object?[] list => $"a list of {list.Length}",
        FileInfo file => "the file " + Quoted(file.Name),
        _ => Quoted(SafeText.HideSignatures(Convert.ToString(value, CultureInfo.InvariantCulture)!)),
    };

    private static string Quoted(string text) => $"'{SafeText.Clean(text, MaxLength)}'";

    private static string Expected(ComfyDeploymentInput definition) => definition.InputKind.Form switch
    {
        InputForm.Integer => "an integer" + Limits(definition),
        InputForm.Float => "a number" + Limits(definition),
        InputForm.Boolean => "true or false",
        InputForm.File => definition.InputKind.IsBatch ? "a list of files, or of their links" : "one file, its path, or its link",
        InputForm.Option when definition.Options is { Count: > 0 } options => $"one of {Listed(options)}",
        _ => "text",
    };

    private static string Limits(ComfyDeploymentInput definition)
    {
        decimal? min = InputNumbers.HasRange(definition) ? definition.Min : null;
        decimal? max = InputNumbers.HasRange(definition) ? definition.Max : null;
        string range = (min, max) switch
        {
            ({ } low, { } high) => $" from {InputNumbers.Text(low)} to {InputNumbers.Text(high)}",
            ({ } low, null) => $" of {InputNumbers.Text(low)} or more",
            (null, { } high) => $" of {InputNumbers.Text(high)} or less",
            _ => string.Empty,
        };
        return InputNumbers.StepOf(definition) is { } step ? $"{range} in steps of {InputNumbers.Text(step)}" : range;
    }

    private static string Listed(ComfyInputOptions options)
    {
        string first = string.Join(", ", options.Take(MaxOptions).Select(option => SafeText.Clean(option, MaxLength)));
        return options.Count > MaxOptions ? $"{first}, and {options.Count - MaxOptions} more" : first;
    }

    private static string Hint(ComfyDeploymentInput definition, string text)
    {
        if (definition.InputKind.Form == InputForm.Option)
        {
            IReadOnlyList<string> near = NearestNames.Of(SafeText.Clean(text, MaxLength), definition.Options ?? new([]));
            return near.Count > 0 ? $" Nearest: {string.Join(", ", near)}." : string.Empty;
        }
        if (definition.InputKind.Form is not (InputForm.Integer or InputForm.Float) || !text.Contains(',')) return string.Empty;
        return DecimalComma.IsMatch(text.Trim()) ? $" Write {text.Trim().Replace(',', '.')}."
            : " Write it without separators; the decimal separator is a point.";
    }
}
