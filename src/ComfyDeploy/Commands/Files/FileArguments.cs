using System.Collections.ObjectModel;
using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>Turns what a user gave as files into full paths; what is no file is reported after all work.</summary>
internal sealed class FileArguments(ComfyDeployCommand cmdlet, PathIntrinsics paths)
{
    /// <summary>The files of paths with wildcards; folders among the matches are not meant.</summary>
    internal IEnumerable<string> Expand(IEnumerable<string> patterns) => patterns.SelectMany(pattern =>
    {
        if (!WildcardPattern.ContainsWildcardCharacters(pattern)) return Locate([WildcardPattern.Unescape(pattern)]);
        string[] files = [.. Resolve(pattern, Matches).Where(path => !Directory.Exists(path))];
        if (files.Length == 0) cmdlet.Defer(NoMatch(pattern), pattern);
        return files;
    });

    /// <summary>Literal paths, which need not exist.</summary>
    internal IEnumerable<string> Locate(IEnumerable<string> literals) => literals.SelectMany(literal => Resolve(literal, path =>
        ([paths.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _)], provider)));

    private (IEnumerable<string>, ProviderInfo) Matches(string pattern)
    {
        Collection<string> found = paths.GetResolvedProviderPathFromPSPath(pattern, out ProviderInfo provider);
        return (found, provider);
    }

    private IEnumerable<string> Resolve(string text, Func<string, (IEnumerable<string> Paths, ProviderInfo Provider)> resolve)
    {
        try
        {
            (IEnumerable<string> found, ProviderInfo provider) = resolve(text);
            if (provider.Name == "FileSystem") return found;
            cmdlet.Defer(new(ErrorIds.InvalidInput, $"'{text}' is not a file system path."), text);
        }
        catch (ItemNotFoundException)
        {
            // A folder in the pattern does not exist, so that nothing matches.
        }
        catch (Exception e) when (e is SessionStateException or WildcardPatternException or ProviderInvocationException)
        {
            cmdlet.Defer(new(ErrorIds.FileNotFound, $"There is no file '{text}': {e.Message}", e), text);
        }
        return [];
    }

    private static ComfyDeployException NoMatch(string pattern) => new(
        ErrorIds.FileNotFound,
        $"No file matches '{pattern}'. If the brackets belong to the name of a file, use -LiteralPath.");
}
