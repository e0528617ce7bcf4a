using System.Globalization;
using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>Reads a date, <c>today</c>, <c>yesterday</c>, or a duration before now. The result is local time.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PointInTimeAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        switch (inputData.Unwrap())
        {
            // No limit, such as -After $last on the first run of a script.
            case null: return null;
            // A date without a kind is local time.
            case DateTime date: return date.ToLocalTimeOrSame();
            case DateTimeOffset date: return date.LocalDateTime;
            case TimeSpan ago: return Ago(ago);
        }
        string text = inputData!.ToString()!.Trim();
        if (DurationAttribute.Parse(text) is { } duration) return Ago(duration);
        switch (text.ToLowerInvariant())
        {
            case "today": return DateTime.Today;
            case "yesterday": return DateTime.Today.AddDays(-1);
        }
        if (DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out DateTime parsed)) return parsed;
        throw new ArgumentTransformationMetadataException(
            $"'{text}' is not a date. Give a date (2026-11-01, today, yesterday, (Get-Date).AddDays(-7)) or how long ago " +
                "(90m, 12h, 7d, 1w).");
    }

    /// <summary>A time before the first date is the first date.</summary>
    private static DateTime Ago(TimeSpan time) => time < DateTime.Now - DateTime.MinValue ? DateTime.Now - time : DateTime.MinValue;
}

internal static class LocalTime
{
    internal static DateTime ToLocalTimeOrSame(this DateTime date) => date.Kind == DateTimeKind.Utc ? date.ToLocalTime()
        : DateTime.SpecifyKind(date, DateTimeKind.Local);
}
