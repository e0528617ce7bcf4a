namespace ComfyDeploy.Commands;

/// <summary>Completes the placeholder at the end of a name template.</summary>
public sealed class NameTemplateCompleter : Completer
{
    private const string InputToken = "{Input.";

    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command)
    {
        string typed = command.Word;
        int open = typed.LastIndexOf('{');
        string before = typed.IndexOf('}', open + 1) < 0 && open >= 0 ? typed.Substring(0, open) : typed;
        bool isInput = typed.IndexOf(InputToken, before.Length, StringComparison.OrdinalIgnoreCase) >= 0;
        IEnumerable<Suggestion> inputs = isInput ? Inputs(command) : [new(InputToken, "The value of an input, named after the dot")];
        return OutputNameTemplate.Tokens.Concat(inputs).Select(token => token with { Word = before + token.Word });
    }

    /// <summary>A template goes on behind its placeholder, so that quotes stay open.</summary>
    private protected override string Replacement(TypedCommand command, string word) =>
        command.OpenQuote is { } quote && !word.Contains(quote) ? quote + word : base.Replacement(command, word);

    private static IEnumerable<Suggestion> Inputs(TypedCommand command) =>
        (command.Lists?.Deployments ?? []).SelectMany(d => d.Inputs ?? [])
            .Select(input => new Suggestion($"{InputToken}{input.Name}}}", "The value of this input"))
            .OrderBy(token => token.Word, StringComparer.OrdinalIgnoreCase);
}
