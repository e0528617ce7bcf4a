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

    internal static string Of(string json) =>
        json.IndexOf(@"\ud", StringComparison.OrdinalIgnoreCase) < 0 ? json
            : Escapes.Replace(json, escape => escape.Length == 6 ? @"\ufffd" : escape.Value);

    /// <summary>The same stream when its text is valid.</summary>
    internal static MemoryStream Of(MemoryStream json)
    {
        byte[] bytes = json.GetBuffer();
        int length = (int)json.Length;
        if (!HasSurrogateEscape(bytes, length) && IsUtf8(bytes, length)) return json;
        byte[] valid = Encoding.UTF8.GetBytes(Of(Encoding.UTF8.GetString(bytes, 0, length)));
        return new(valid, 0, valid.Length, writable: false, publiclyVisible: true);
    }

    private static bool HasSurrogateEscape(byte[] json, int length)
    {
        for (int i = 0; (i = Array.IndexOf(json, (byte)'\\', i, length - i)) >= 0 && i + 2 < length; i++)
        {
            if (json[i + 1] == 'u' && (json[i + 2] | 0x20) == 'd') return true;
        }
        return false;
    }

    private static bool IsUtf8(byte[] json, int length)
    {
        try
        {
            Strict.GetCharCount(json, 0, length);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
