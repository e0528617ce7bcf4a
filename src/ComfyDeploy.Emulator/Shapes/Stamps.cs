using System.Globalization;

namespace ComfyDeploy.Emulator.Shapes;

/// <summary>The forms in which the service writes its times: UTC, to the microsecond, in a column without a time zone.</summary>
internal static class Stamps
{
    /// <summary>Milliseconds padded to microseconds, and a Z; without a fraction when it is 0. Used where a typed model is read from form B.</summary>
    public static string MicrosZ(DateTime time) =>
        WholeSecond(time) ? Text(time, "yyyy-MM-dd'T'HH:mm':00Z'")
        : time.Millisecond == 0 ? Text(time, "yyyy-MM-dd'T'HH:mm:ss'Z'")
        : Text(time, "yyyy-MM-dd'T'HH:mm:ss.fff'000Z'");

    /// <summary>
    /// Milliseconds and a Z. The service cuts the last three characters off the microseconds; when there are none, it cuts the seconds.
    /// </summary>
    public static string MillisZ(DateTime time) =>
        WholeSecond(time) ? Text(time, "yyyy-MM-dd'T'HH:mm'Z'") : Text(time, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'");

    /// <summary>No time zone.</summary>
    public static string NoZone(DateTime time) => Text(time, WholeSecond(time) ? "yyyy-MM-dd'T'HH:mm:ss" : "yyyy-MM-dd'T'HH:mm:ss.ffffff");

    /// <summary>No time zone and no trailing zeros in the fraction, as PostgreSQL writes a time into JSON.</summary>
    public static string Postgres(DateTime time) => Text(time, "yyyy-MM-dd'T'HH:mm:ss.FFFFFF");

    /// <summary>No time zone, and a space instead of the T.</summary>
    public static string Blank(DateTime time) => Text(time, WholeSecond(time) ? "yyyy-MM-dd HH:mm:ss" : "yyyy-MM-dd HH:mm:ss.ffffff");

    public static string? MicrosZ(DateTime? time) => time is DateTime t ? MicrosZ(t) : null;

    public static string? MillisZ(DateTime? time) => time is DateTime t ? MillisZ(t) : null;

    public static string? NoZone(DateTime? time) => time is DateTime t ? NoZone(t) : null;

    private static bool WholeSecond(DateTime time) => time.Ticks % TimeSpan.TicksPerSecond < 10;

    private static string Text(DateTime time, string format) => time.ToString(format, CultureInfo.InvariantCulture);
}
