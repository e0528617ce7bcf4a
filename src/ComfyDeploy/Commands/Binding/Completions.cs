using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>A word that completion offers.</summary>
/// <param name="Word">The word.</param>
/// <param name="ToolTip">What is shown beside it; without one, the word.</param>
internal sealed record Suggestion(string Word, string? ToolTip = null)
{
    internal static IEnumerable<Suggestion> Of(IEnumerable<string> words) => words.Select(word => new Suggestion(word));

    /// <summary>The parts of a tooltip that are known.</summary>
    internal static string Join(params string?[] parts) => string.Join(" · ", parts.Where(part => !string.IsNullOrEmpty(part)));
}

/// <summary>
/// The base of all completers. They only help: whatever fails is silent, and the parameter accepts any other word too.
/// </summary>
public abstract class Completer : IArgumentCompleter
{
    private protected abstract IEnumerable<Suggestion> Suggest(TypedCommand command);

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        TypedCommand command = new(commandName, commandAst, fakeBoundParameters, Unquote(wordToComplete));
        return [.. Matching(Suggest(command), command.Word).Select(suggestion => ToResult(command, suggestion))];
    }

    /// <summary>The text that takes the place of the typed word.</summary>
    private protected virtual string Replacement(TypedCommand command, string word) => CommandLine.Quote(word);

    /// <summary>What begins with the typed word or matches its wildcards, each word once.</summary>
    private static IEnumerable<Suggestion> Matching(IEnumerable<Suggestion> suggestions, string typed)
    {
        NamePattern pattern = new(typed + "*");
        // A name of the service may contain anything, and the result is typed into the terminal.
        return suggestions.Where(suggestion => suggestion.Word.Length > 0 && !suggestion.Word.Any(char.IsControl))
            .Where(suggestion => suggestion.Word.StartsWith(typed, StringComparison.OrdinalIgnoreCase) || pattern.Matches(suggestion.Word))
            .GroupBy(suggestion => suggestion.Word).Select(same => same.First());
    }

    private CompletionResult ToResult(TypedCommand command, Suggestion suggestion)
    {
        string toolTip = SafeText.Clean(suggestion.ToolTip);
        return new(Replacement(command, suggestion.Word), suggestion.Word, CompletionResultType.ParameterValue,
            toolTip.Length > 0 ? toolTip : suggestion.Word);
    }

    /// <summary>The engine closes the quotes of a word that is being typed.</summary>
    private static string Unquote(string? word) => word is ['\'' or '"', ..] && word.Length > 1 && word[word.Length - 1] == word[0]
        ? word.Substring(1, word.Length - 2)
        : (word ?? string.Empty).Trim('\'', '"');
}
