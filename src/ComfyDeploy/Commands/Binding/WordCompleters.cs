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
    private protected override IEnumerable<string> Words => RunStatus.All;
}

/// <summary>Completes the GPU types known today.</summary>
public sealed class GpuCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words =>
        ["CPU", "T4", "L4", "A10G", "L40S", "A100", "A100-80GB", "H100", "H200", "B200"];
}

/// <summary>Completes the kinds of outputs; a workflow may have others.</summary>
public sealed class OutputKindCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ["image", "video", "file", "audio", "mesh", "text"];
}

/// <summary>Completes HTTP methods.</summary>
public sealed class MethodCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
}

/// <summary>Completes the environments of deployments.</summary>
public sealed class EnvironmentCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words =>
        ["production", "staging", "preview", "public-share", "private-share", "community-share"];
}

/// <summary>Completes the names of open connections.</summary>
public sealed class ConnectionCompleter : WordCompleter
{
    private protected override IEnumerable<string> Words => ConnectionStore.List().Select(connection => connection.Name);
}
