namespace ComfyDeploy.Commands;

/// <summary>Completes words that are known without a request.</summary>
public abstract class WordCompleter : Completer
{
    private protected abstract IEnumerable<string> Words { get; }

    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command) =>
        Suggestion.Of(Words.OrderBy(word => word, StringComparer.OrdinalIgnoreCase));
}

/// <summary>Completes the service's status words.</summary>
public sealed class StatusCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.Statuses.Words;
}

/// <summary>Completes the ways in which a run can be made.</summary>
public sealed class OriginCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.Origins.Words;
}

/// <summary>Completes the GPU types known today, and those of the service's price list.</summary>
public sealed class GpuCompleter : Completer
{
    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command) =>
        Suggestion.Of(KnownWords.Gpus.Words.Union(command.Lists?.Gpus ?? []).OrderBy(word => word, StringComparer.OrdinalIgnoreCase));
}

/// <summary>Completes the kinds of outputs; a workflow may have others.</summary>
public sealed class OutputKindCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.OutputKinds.Words;
}

/// <summary>Completes HTTP methods.</summary>
public sealed class MethodCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
}

/// <summary>Completes the names of open connections.</summary>
public sealed class ConnectionCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ConnectionStore.List().Select(connection => connection.Name);
}

/// <summary>Completes points in time.</summary>
public sealed class PointInTimeCompleter : Completer
{
    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command) =>
    [
        new("today", "00:00 today"), new("yesterday", "00:00 yesterday"), new("1h", "1 hour ago"), new("12h", "12 hours ago"),
        new("1d", "1 day ago"), new("7d", "7 days ago"), new("4w", "4 weeks ago"),
    ];
}
