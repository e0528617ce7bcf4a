using System.Globalization;

namespace ComfyDeploy.Client;

/// <summary>When a signed link stops working.</summary>
internal static class LinkExpiry
{
    private const string DateFormat = "yyyyMMdd'T'HHmmss'Z'";

    /// <summary>Local time; null for a link that does not say so, such as a public one.</summary>
    internal static DateTime? Of(Uri link)
    {
        double? end = End(link, "X-Amz-") ?? End(link, "X-Goog-") ?? Seconds(link, "Expires");
        return end is { } seconds ? Timestamp.FromUnixSeconds(seconds) : null;
    }

    /// <summary>The end that is stated as the time of the signature and the seconds since.</summary>
    private static double? End(Uri link, string prefix) =>
        DateTime.TryParseExact(Parameter(link, prefix + "Date"), DateFormat, CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime signed)
            ? Timestamp.ToUnixSeconds(signed) + Seconds(link, prefix + "Expires") : null;

    private static double? Seconds(Uri link, string name) =>
        double.TryParse(Parameter(link, name), NumberStyles.None, CultureInfo.InvariantCulture, out double seconds) ? seconds : null;

    private static string? Parameter(Uri link, string name) => link.Query.TrimStart('?').Split('&')
        .Where(pair => pair.StartsWith(name + "=", StringComparison.OrdinalIgnoreCase))
        .Select(pair => Uri.UnescapeDataString(pair.Substring(name.Length + 1)))
        .FirstOrDefault();
}
