using System.Globalization;

namespace ComfyDeploy.Client;

/// <summary>Reads the seven forms of time the service writes: all are UTC, also those that do not say so.</summary>
internal static class Timestamp
{
    private static readonly DateTime UnixEpoch = new(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    // Beyond this a double of seconds is no longer a date.
    private const double LastUnixSecond = 253_402_300_799;

    /// <returns>Local time; null for text that is no time.</returns>
    internal static DateTime? Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return null;
        string trimmed = text!.Trim();
        // One reply writes both an offset and a Z: 2025-10-14T09:22:10.692439+00Z.
        if (trimmed.EndsWith("+00Z", StringComparison.Ordinal)) trimmed = trimmed.Substring(0, trimmed.Length - 4) + "Z";
        if (double.TryParse(trimmed, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds)) return FromUnixSeconds(seconds);
        const DateTimeStyles utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowWhiteSpaces;
        return DateTimeOffset.TryParse(trimmed, CultureInfo.InvariantCulture, utc, out DateTimeOffset time) ? time.LocalDateTime : null;
    }

    /// <summary>A time that JSON's own reader understood, which is faster and knows only the standard form.</summary>
    internal static DateTime Local(DateTime time) =>
        time.Kind == DateTimeKind.Unspecified ? DateTime.SpecifyKind(time, DateTimeKind.Utc).ToLocalTime() : time.ToLocalTime();

    /// <returns>Local time; null for a number that is no time.</returns>
    internal static DateTime? FromUnixSeconds(double seconds) =>
        seconds is >= 0 and <= LastUnixSecond ? UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond)).ToLocalTime() : null;

    internal static long ToUnixSeconds(DateTime time) => (long)Math.Floor((time.ToUniversalTime() - UnixEpoch).TotalSeconds);
}
