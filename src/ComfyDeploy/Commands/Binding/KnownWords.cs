namespace ComfyDeploy.Commands;

/// <summary>The words of a parameter that are known today, and what a mistyped one was meant to be.</summary>
internal sealed class KnownWords(params string[] words)
{
    internal static readonly KnownWords Environments =
        new("production", "staging", "preview", "public-share", "private-share", "community-share");
    internal static readonly KnownWords Gpus = new("CPU", "T4", "L4", "A10G", "L40S", "A100", "A100-80GB", "H100", "H200", "B200");
    internal static readonly KnownWords Origins = new("api", "manual", "public-share", "public-template", "workspace");
    internal static readonly KnownWords OutputKinds =
        new("image", "video", "file", "audio", "mesh", "text") { AcceptsOwnWords = true };
    internal static readonly KnownWords Statuses = new(RunStatus.All);

    internal IEnumerable<string> Words => words;

    /// <summary>Whether only a word that looks like a known one is a mistake: a node may have outputs of a kind of its own.</summary>
    private bool AcceptsOwnWords { get; init; }

    /// <summary>The service's spelling of a word; one that is not known stays as it is.</summary>
    internal string Spell(string word) => words.FirstOrDefault(known => IsSame(known, word)) ?? word;

    /// <summary>For words that the service may add to: what to warn of; null when all are known.</summary>
    /// <param name="parameter">The parameter's name.</param>
    /// <param name="given">What it was given.</param>
    internal string? Doubt(string parameter, IEnumerable<string>? given)
    {
        string[] doubts = [.. (given ?? []).Where(word => !words.Any(known => IsSame(known, word))).Select(Describe).OfType<string>()];
        return doubts.Length == 0 ? null : string.Join(" ", doubts);

        string? Describe(string word)
        {
            IReadOnlyList<string> near = NearestNames.Of(word, words);
            if (near.Count == 0 && AcceptsOwnWords) return null;
            string hint = near.Count > 0 ? $"Nearest: {string.Join(", ", near)}." : $"Known: {string.Join(", ", words)}.";
            return $"-{parameter} '{word}' is not a known word. {hint}";
        }
    }

    /// <summary>For words that are all there are: the error; null when all are known.</summary>
    /// <inheritdoc cref="Doubt"/>
    internal ComfyDeployException? Fault(string parameter, IEnumerable<string>? given) =>
        Doubt(parameter, given) is { } message ? new(ErrorIds.InvalidInput, message) : null;

    private static bool IsSame(string known, string word) => string.Equals(known, word, StringComparison.OrdinalIgnoreCase);
}
