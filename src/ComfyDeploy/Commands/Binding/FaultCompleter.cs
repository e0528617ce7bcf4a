namespace ComfyDeploy.Commands;

/// <summary>Completes faults of the emulator: a request, and after <c> = </c> what happens to it.</summary>
public sealed class FaultCompleter : Completer
{
    private const string Separator = " = ";

    private static readonly string[] Requests =
    [
        "GET /deployments", "GET /outputs/*", "GET /run/*", "GET /v2/workflow/*/runs", "GET /workflows", "POST /file/upload",
        "POST /run/*/cancel", "POST /run/deployment/queue", "* *",
    ];

    private static readonly Suggestion[] Faults =
    [
        new("503", "The service is not available, once"), new("503 always", "The service is never available"),
        new("429 retry-after=2 x3", "Too many requests, three times"), new("402", "The credits have run out"),
        new("latency 500ms always", "Every response is delayed"), new("hang", "The request is not processed and has no response"),
        new("stall", "The request is processed and has no response"), new("reset", "The connection breaks before the request is processed"),
        new("lost", "The request is processed, and then the connection breaks"),
        new("late 2s", "The connection breaks, and the request is processed later"), new("cut", "Half of the response is sent"),
        new("close", "The connection is closed after the response"), new("truncate", "Half of the body is sent as if it were complete"),
        new("wrongtypes", "The values have other JSON types"), new("wronglength", "Content-Length is wrong"),
        new("redirect https://example.com", "The response is a redirect"), new("drip 1000", "The response has 1000 bytes a second"),
    ];

    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command)
    {
        int separator = command.Word.IndexOf(Separator, StringComparison.Ordinal);
        if (separator < 0) return Suggestion.Of(Requests.Select(request => request + Separator));
        string request = command.Word.Substring(0, separator + Separator.Length);
        return Faults.Select(fault => fault with { Word = request + fault.Word });
    }

    /// <summary>A request is followed by what happens to it, so that its quotes stay open.</summary>
    private protected override string Replacement(TypedCommand command, string word) =>
        word.EndsWith(Separator, StringComparison.Ordinal) ? $"'{word}" : base.Replacement(command, word);
}
