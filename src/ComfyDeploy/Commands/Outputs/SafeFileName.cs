using System.Globalization;
using System.Text;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>Makes a file name of a server's text that is sane on every platform: one segment, nothing reserved, not too long.</summary>
internal static class SafeFileName
{
    // File systems allow 255; a number and ".part" have to fit behind it.
    internal const int MaxBytes = 200;
    private const int MaxExtension = 16;
    private const string Forbidden = "<>:\"/\\|?*";

    private static readonly HashSet<string> Reserved = new(
        ["CON", "PRN", "AUX", "NUL", .. Enumerable.Range(0, 10).SelectMany(i => new[] { $"COM{i}", $"LPT{i}" })],
            StringComparer.OrdinalIgnoreCase);

    internal static string Of(string? text)
    {
        // What looks like a path is not one: only its last part is a name.
        string name = (text ?? string.Empty).Split('/', '\\').Last();
        StringBuilder clean = new(name.Length);
        foreach (char c in name) clean.Append(char.IsControl(c) || Forbidden.IndexOf(c) >= 0 ? '_' : c);
        name = Shorten(clean.ToString().TrimStart().TrimEnd(' ', '.'));
        if (name.Length == 0) return "output";
        // Such a name says that the file is not whole.
        if (name.EndsWith(Downloader.PartSuffix, StringComparison.OrdinalIgnoreCase)) name += "_";
        return Reserved.Contains(name.Split('.')[0].TrimEnd()) ? "_" + name : name;
    }

    internal static bool Fits(string name) => Encoding.UTF8.GetByteCount(name) <= MaxBytes;

    /// <summary>The beginning of a name, and its extension.</summary>
    internal static string Shorten(string name, int maxBytes = MaxBytes)
    {
        if (Encoding.UTF8.GetByteCount(name) <= maxBytes) return name;
        string extension = Path.GetExtension(name) is { Length: <= MaxExtension } known ? known : string.Empty;
        string stem = name.Substring(0, name.Length - extension.Length);
        return Beginning(stem, maxBytes - Encoding.UTF8.GetByteCount(extension)) + extension;
    }

    /// <summary>The beginning of a text, never with a part of a letter: neither half a pair nor a letter without its accents.</summary>
    internal static string Beginning(string text, int maxBytes = int.MaxValue, int elements = int.MaxValue)
    {
        int length = 0;
        TextElementEnumerator letters = StringInfo.GetTextElementEnumerator(text);
        while (elements-- > 0 && letters.MoveNext())
        {
            string letter = letters.GetTextElement();
            maxBytes -= Encoding.UTF8.GetByteCount(letter);
            if (maxBytes < 0) break;
            length += letter.Length;
        }
        return length == text.Length ? text : text.Substring(0, length).TrimEnd(' ', '.');
    }
}
