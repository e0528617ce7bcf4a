using ComfyDeploy.Text;

namespace ComfyDeploy.Internal;

/// <summary>Makes <c>workflow/environment</c> fit a column. The end of the workflow's name is cut, never the environment.</summary>
internal static class DeploymentNameText
{
    private const string Ellipsis = "…";

    internal static string Fit(string? name, int width)
    {
        string clean = SafeText.Clean(name);
        int slash = clean.LastIndexOf('/');
        if (slash < 0 || Cells(clean) <= width) return clean;
        string environment = Ellipsis + clean.Substring(slash);
        int end = slash;
        while (end > 0 && Cells(clean.Substring(0, end) + environment) > width) end--;
        // Not in the middle of a letter of two characters.
        if (end > 0 && char.IsHighSurrogate(clean[end - 1])) end--;
        return clean.Substring(0, end) + environment;
    }

    private static int Cells(string text) => text.Sum(c => IsWide(c) ? 2 : 1);

    /// <summary>Whether a console draws it two cells wide, by the ranges that PowerShell uses.</summary>
    private static bool IsWide(char c) => c is (>= '\u1100' and <= '\u115f') or '\u2329' or '\u232a'
        or (>= '\u2e80' and <= '\ua4cf' and not '\u303f') or (>= '\uac00' and <= '\ud7a3') or (>= '\uf900' and <= '\ufaff')
        or (>= '\ufe10' and <= '\ufe19') or (>= '\ufe30' and <= '\ufe6f') or (>= '\uff00' and <= '\uff60')
        or (>= '\uffe0' and <= '\uffe6');
}
