using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace ComfyDeploy.Commands;

/// <summary>Completes words that are known without a request; the parameter accepts any other word too.</summary>
public abstract class WordCompleter : IArgumentCompleter
{
    private protected abstract IEnumerable<string> Words { get; }

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Matching(Words, wordToComplete);
}

/// <summary>Completes the service's status words.</summary>
public sealed class StatusCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.Statuses.Words;
}

/// <summary>Completes the GPU types known today.</summary>
public sealed class GpuCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.Gpus.Words;
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

/// <summary>Completes the environments of deployments.</summary>
public sealed class EnvironmentCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => KnownWords.Environments.Words;
}

/// <summary>Completes the names of open connections.</summary>
public sealed class ConnectionCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ConnectionStore.List().Select(connection => connection.Name);
}
