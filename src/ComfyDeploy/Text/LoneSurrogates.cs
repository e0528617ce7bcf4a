using System.Text.RegularExpressions;

namespace ComfyDeploy.Text;

/// <summary>A lone surrogate (half of an emoji) is legal in JSON's escapes but is not valid text: reading it throws.</summary>
internal static class LoneSurrogates
{
    // An escaped backslash, a pair and a lone surrogate, in this order, so that only what is left is a lone surrogate.
    private static readonly Regex Escapes = new(@"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\ud[89a-f][0-9a-f]{2}",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    /// <summary>The same JSON with each lone surrogate replaced by the replacement character.</summary>
    internal static string Replace(string json) =>
        json.IndexOf(@"\ud", StringComparison.OrdinalIgnoreCase) < 0 ? json
            : Escapes.Replace(json, escape => escape.Length == 6 ? @"\ufffd" : escape.Value);
}
