using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>A name as a user gives it: first of all itself, whatever characters are in it, and then a pattern. Case does not matter.</summary>
internal sealed class NamePattern(string text)
{
    private readonly WildcardPattern? _pattern = WildcardPattern.ContainsWildcardCharacters(text) ? WildcardPattern.Get(text, WildcardOptions.IgnoreCase) : null;

    /// <summary>Whether nothing found is no mistake.</summary>
    internal bool IsWildcard => _pattern is not null;

    internal bool Matches(string? name)
    {
        if (name is null) return false;
        if (string.Equals(name, text, StringComparison.OrdinalIgnoreCase)) return true;
        try
        {
            return _pattern?.IsMatch(name) == true;
        }
        catch (WildcardPatternException)
        {
            // Such as [draft: no pattern, so a name alone.
            return false;
        }
    }
}
