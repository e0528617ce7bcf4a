using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace ComfyDeploy.Commands;

/// <summary>Completes words that are known without asking the service; any other word is accepted too.</summary>
public abstract class WordCompleter : IArgumentCompleter
{
    private protected abstract IEnumerable<string> Words { get; }

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Matching(Words, wordToComplete);
}

/// <summary>The service's status words.</summary>
public sealed class StatusCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.Statuses.Words;
}

/// <summary>The GPU types known today.</summary>
public sealed class GpuCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.Gpus.Words;
}

/// <summary>The kinds of outputs; a workflow may have others.</summary>
public sealed class OutputKindCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.OutputKinds.Words;
}

/// <summary>HTTP methods.</summary>
public sealed class MethodCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
}

/// <summary>The environments of deployments.</summary>
public sealed class EnvironmentCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.Environments.Words;
}

/// <summary>The names of open connections.</summary>
public sealed class ConnectionCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ConnectionStore.List().Select(connection => connection.Name);
}
