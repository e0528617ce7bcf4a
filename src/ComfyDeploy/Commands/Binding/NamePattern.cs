using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>
/// A name as a user gives it: first of all itself, whatever characters are in it, and then a pattern. Case does not matter.
/// </summary>
internal sealed class NamePattern(string text)
{
    private readonly WildcardPattern? _pattern = Parse(text);

    /// <summary>Whether nothing found is no mistake.</summary>
    internal bool IsWildcard => _pattern is not null;

    internal bool Matches(string? name) =>
        name is not null && (string.Equals(name, text, StringComparison.OrdinalIgnoreCase) || _pattern?.IsMatch(name) == true);

    private static WildcardPattern? Parse(string text)
    {
        if (!WildcardPattern.ContainsWildcardCharacters(text)) return null;
        WildcardPattern pattern = WildcardPattern.Get(text, WildcardOptions.IgnoreCase);
        try
        {
            // The engine finds out only when it is used.
            pattern.IsMatch(string.Empty);
            return pattern;
        }
        catch (WildcardPatternException)
        {
            // Such as [draft: no pattern, so a name alone.
            return null;
        }
    }
}
