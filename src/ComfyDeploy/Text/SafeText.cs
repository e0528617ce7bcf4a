using System.Text;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Text;

/// <summary>Makes text of the service safe for a console: no control characters, limited length.</summary>
internal static class SafeText
{
    private static readonly Regex SignedQuery =
        new(@"\?[^""\s]*(X-Amz-|X-Goog-|Signature=|sig=)[^""\s]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    private const string HiddenQuery = "?…";

    /// <summary>The text with a period at the end, so that another sentence can follow.</summary>
    internal static string Sentence(string text) => text.Length == 0 || text[text.Length - 1] is '.' or '!' or '?' or '…' ? text
        : text + ".";

    /// <summary>Replaces the secret in the text. Mask before you cut the text, because a cut could leave part of the secret.</summary>
    internal static string? Mask(string? text, string? secret) => string.IsNullOrEmpty(secret) ? text : text?.Replace(secret, "***");

    /// <summary>Removes the queries of signed links, which give any reader access to the file.</summary>
    internal static string HideSignatures(string text) => SignedQuery.Replace(text, HiddenQuery);

    /// <summary>Whether a link carries a signature, or did before it was hidden.</summary>
    internal static bool IsSigned(string link) => HasHidden(link) || SignedQuery.IsMatch(link);

    /// <summary>Whether a signature in the text was hidden.</summary>
    internal static bool HasHidden(string text) => text.Contains(HiddenQuery);

    /// <summary>The beginning and the end of a text that is longer than the limit.</summary>
    internal static string Shorten(string text, int limit)
    {
        if (text.Length <= limit) return text;
        int begin = limit * 2 / 3;
        int end = text.Length - (limit - begin);
        // Not in the middle of a letter of two characters.
        if (char.IsHighSurrogate(text[begin - 1])) begin--;
        if (char.IsLowSurrogate(text[end])) end++;
        return $"{text.Substring(0, begin)} … {text.Substring(end)}";
    }

    internal static string Clean(string? text, int limit = 500)
    {
        if (string.IsNullOrEmpty(text)) return string.Empty;
        StringBuilder clean = new(Math.Min(text!.Length, limit));
        foreach (char c in text)
        {
            if (clean.Length == limit)
            {
                clean.Append('…');
                break;
            }
            if (!char.IsControl(c)) clean.Append(c);
            else if (clean.Length > 0 && clean[clean.Length - 1] != ' ') clean.Append(' ');
        }
        return clean.ToString().TrimEnd();
    }
}
