using System.Text;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Text;

/// <summary>
/// Makes the text in JSON valid, so that reading it never throws: half an emoji (a lone surrogate), which JSON's escapes allow, and
/// bytes that are not UTF-8 become the replacement character.
/// </summary>
internal static class ValidJson
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // An escaped backslash, a pair and a lone surrogate, in this order, so that only what is left is a lone surrogate.
    private static readonly Regex Escapes = new(@"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\ud[89a-f][0-9a-f]{2}",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    internal static string Of(string json) =>
        json.IndexOf(@"\ud", StringComparison.OrdinalIgnoreCase) < 0 ? json
            : Escapes.Replace(json, escape => escape.Length == 6 ? @"\ufffd" : escape.Value);

    /// <summary>The same bytes when they are valid, without a byte order mark.</summary>
    internal static ArraySegment<byte> Of(ArraySegment<byte> json)
    {
        ReadOnlySpan<byte> bytes = json;
        if (bytes.StartsWith(ByteOrderMark)) return Of(new ArraySegment<byte>(json.Array!, json.Offset + 3, json.Count - 3));
        return HasSurrogateEscape(bytes) || !IsUtf8(json)
            ? new(Encoding.UTF8.GetBytes(Of(Encoding.UTF8.GetString(json.Array!, json.Offset, json.Count))))
            : json;
    }

    private static bool HasSurrogateEscape(ReadOnlySpan<byte> json) => json.IndexOf(@"\ud"u8) >= 0 || json.IndexOf(@"\uD"u8) >= 0;

    private static bool IsUtf8(ArraySegment<byte> json)
    {
        try
        {
            Strict.GetCharCount(json.Array!, json.Offset, json.Count);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
