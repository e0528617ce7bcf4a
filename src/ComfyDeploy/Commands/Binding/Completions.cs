using System.Management.Automation;
using System.Management.Automation.Language;

namespace ComfyDeploy.Commands;

/// <summary>Matching and quoting for all completers.</summary>
internal static class Completions
{
    internal static IEnumerable<CompletionResult> Matching(IEnumerable<string> words, string? typed)
    {
        WildcardPattern pattern = WildcardPattern.Get((typed ?? string.Empty).Trim('\'', '"') + "*", WildcardOptions.IgnoreCase);
        return words.Where(pattern.IsMatch).Distinct().OrderBy(word => word, StringComparer.OrdinalIgnoreCase)
            .Select(word => new CompletionResult(Quote(word), word, CompletionResultType.ParameterValue, word));
    }

    private static string Quote(string word) =>
        word.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '/' or '.') ? word
            : $"'{CodeGeneration.EscapeSingleQuotedStringContent(word)}'";
}
