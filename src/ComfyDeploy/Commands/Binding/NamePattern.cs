using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>
/// A name that a user typed: compared literally first, then as a wildcard pattern. Not case-sensitive.
/// </summary>
internal sealed class NamePattern(string text)
{
    private readonly WildcardPattern? _pattern = Parse(text);

    /// <summary>Whether it is a valid pattern, for which no match is not an error.</summary>
    internal bool IsWildcard => _pattern is not null;

    internal bool Matches(string? name) =>
        name is not null && (string.Equals(name, text, StringComparison.OrdinalIgnoreCase) || _pattern?.IsMatch(name) == true);

    private static WildcardPattern? Parse(string text)
    {
        if (!WildcardPattern.ContainsWildcardCharacters(text)) return null;
        WildcardPattern pattern = WildcardPattern.Get(text, WildcardOptions.IgnoreCase);
        try
        {
            // The engine validates a pattern only when it is used.
            pattern.IsMatch(string.Empty);
            return pattern;
        }
        catch (WildcardPatternException)
        {
            // For example, [draft: not a pattern, so only a name.
            return null;
        }
    }
}
