using System.Text.RegularExpressions;

namespace ComfyDeploy.Text;

/// <summary>Half a letter, such as an emoji cut in two, is legal in JSON's escapes and no text anywhere else: reading it throws.</summary>
internal static class LoneSurrogates
{
    // An escaped backslash, a pair and a half, in this order, so that only what is left over is a half.
    private static readonly Regex Escapes = new(@"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\ud[89a-f][0-9a-f]{2}",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    /// <summary>The same JSON with each half replaced by the sign for an unreadable letter.</summary>
    internal static string Replace(string json) =>
        json.IndexOf(@"\ud", StringComparison.OrdinalIgnoreCase) < 0 ? json
            : Escapes.Replace(json, escape => escape.Length == 6 ? @"\ufffd" : escape.Value);
}
