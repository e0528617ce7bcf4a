using System.Text.RegularExpressions;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>
/// Links to files that the service keeps. It signs those of a private bucket for an hour, whenever a run is queued or read: a link without
/// its signature lasts, and a signature that is sent again has expired.
/// </summary>
internal static class StoredLink
{
    private const string Bucket = "comfy-deploy-output";

    // An account may have a bucket of its own, and then only the paths are the service's: those of uploads, and of the outputs of runs.
    private static readonly Regex Path = new(
        @"/(inputs/(img|vid|audio|zip|file)_[0-9A-Za-z_-]{16}(\.[^/]*)?|outputs/runs/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+)$",
        RegexOptions.CultureInvariant);

    /// <summary>Whether a text is a link, and not a link with text behind its query.</summary>
    internal static bool IsLink(string text, out Uri? link) => Uri.TryCreate(text, UriKind.Absolute, out link)
        && (link.Scheme == Uri.UriSchemeHttps || link.Scheme == Uri.UriSchemeHttp)
        && !text.SkipWhile(c => c != '?').Any(char.IsWhiteSpace);

    /// <summary>The link without its signature; null for one that has none, or leads to another storage.</summary>
    internal static string? Unsigned(string link) =>
        SafeText.IsSigned(link) && IsLink(link, out Uri? uri) && IsOfService(uri!)
            ? uri!.GetLeftPart(UriPartial.Path) : null;

    /// <summary>When a signed link stops working, local time; null for one that is not signed or does not say so.</summary>
    internal static DateTime? Expiry(string link) =>
        SafeText.IsSigned(link) && Uri.TryCreate(link, UriKind.Absolute, out Uri? uri) ? LinkExpiry.Of(uri) : null;

    private static bool IsOfService(Uri link) => Path.IsMatch(link.AbsolutePath)
        || link.Host.StartsWith(Bucket + ".", StringComparison.OrdinalIgnoreCase)
        || link.AbsolutePath.StartsWith($"/{Bucket}/", StringComparison.Ordinal);
}
