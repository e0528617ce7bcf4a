using System.Globalization;

namespace ComfyDeploy.Text;

/// <summary>A duration as people say it. The units are those that -Timeout takes.</summary>
internal static class DurationText
{
    /// <summary>At most two units, such as <c>0.5s</c>, <c>31s</c>, <c>12m 31s</c>, <c>2h 5m</c> or <c>1d 4h</c>.</summary>
    internal static string Of(TimeSpan time) => time switch
    {
        { TotalSeconds: > 0 and < 1 } => FormattableString.Invariant($"{time.TotalSeconds:0.###}s"),
        { TotalMinutes: < 1 } => $"{time.Seconds}s",
        { TotalHours: < 1 } => Two(time.Minutes, "m", time.Seconds, "s"),
        { TotalDays: < 1 } => Two(time.Hours, "h", time.Minutes, "m"),
        _ => Two(time.Days, "d", time.Hours, "h"),
    };

    /// <summary>An estimate, which has no seconds once it is a minute.</summary>
    internal static string About(TimeSpan time) =>
        time.TotalMinutes < 1 ? $"{Math.Ceiling(time.TotalSeconds).ToString(CultureInfo.InvariantCulture)}s"
            : Of(TimeSpan.FromMinutes(Math.Round(time.TotalMinutes)));

    private static string Two(int large, string largeUnit, int small, string smallUnit) =>
        small == 0 ? $"{large}{largeUnit}" : $"{large}{largeUnit} {small}{smallUnit}";
}
