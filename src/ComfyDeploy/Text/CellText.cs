namespace ComfyDeploy.Text;

/// <summary>Text by the cells it takes on a terminal, where a character of East Asian scripts takes two.</summary>
internal static class CellText
{
    internal static int Width(string text) => text.Sum(Width);

    /// <summary>The text, cut to as many cells.</summary>
    internal static string Fit(string text, int cells)
    {
        if (Width(text) <= cells) return text;
        int length = 0;
        // The ellipsis takes a cell.
        for (int left = cells - 1; length < text.Length && (left -= Width(text[length])) >= 0;) length++;
        if (length > 0 && char.IsHighSurrogate(text[length - 1])) length--;
        return text.Substring(0, length).TrimEnd() + "…";
    }

    // A surrogate counts one: a pair is mostly an emoji, which takes two.
    private static int Width(char c) => c is (>= '\u1100' and <= '\u115f') or (>= '\u2e80' and <= '\ua4cf') or (>= '\uac00' and <= '\ud7a3')
        or (>= '\uf900' and <= '\ufaff') or (>= '\ufe30' and <= '\ufe6f') or (>= '\uff00' and <= '\uff60') ? 2 : 1;
}
