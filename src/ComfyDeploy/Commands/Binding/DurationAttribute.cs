using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Commands;

/// <summary>Reads a duration: seconds, <c>500ms 90s 10m 1.5h 2d 1w</c>, <c>hh:mm:ss</c>, or a TimeSpan.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DurationAttribute : ArgumentTransformationAttribute
{
    private static readonly Regex WithUnit =
        new(@"^(?<number>\d+(\.\d+)?)\s*(?<unit>ms|s|m|h|d|w)?$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
    private static readonly Regex Clock = new(@"^(\d+\.)?\d{1,2}:\d{2}:\d{2}(\.\d+)?$", RegexOptions.CultureInvariant);

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (inputData.Unwrap() is TimeSpan time) return time;
        // The text, not the value: the parser reads 90s as the short 90 and 2d as the decimal 2, and keeps their text.
        string text = inputData is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : inputData?.ToString()?.Trim()
            ?? string.Empty;
        return Parse(text) ?? throw new ArgumentTransformationMetadataException(
            $"'{text}' is not a duration. Give seconds (90), a number with its unit (500ms, 90s, 10m, 1.5h, 2d, 1w), " +
                "hours:minutes:seconds (00:10:00), or a TimeSpan.");
    }

    internal static TimeSpan? Parse(string text)
    {
        if (WithUnit.Match(text) is { Success: true } match)
        {
            double number = double.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture);
            double seconds = number * match.Groups["unit"].Value.ToLowerInvariant() switch
            {
                "ms" => 0.001,
                "m" => 60,
                "h" => 3600,
                "d" => 86400,
                "w" => 7 * 86400,
                _ => 1,
            };
            return seconds <= TimeSpan.MaxValue.TotalSeconds / 2 ? TimeSpan.FromSeconds(seconds) : null;
        }
        return Clock.IsMatch(text) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time) ? time : null;
    }
}
