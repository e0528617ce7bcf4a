using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace ComfyDeploy.Commands;

/// <summary>Completes the service's status words; any other word is accepted too.</summary>
public sealed class StatusCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Matching(RunStatus.All, wordToComplete);
}

/// <summary>Completes the GPU types known today; any other word is accepted too.</summary>
public sealed class GpuCompleter : IArgumentCompleter
{
    private static readonly string[] Known = ["CPU", "T4", "L4", "A10G", "L40S", "A100", "A100-80GB", "H100", "H200", "B200"];

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Matching(Known, wordToComplete);
}

/// <summary>Completes the kinds of outputs; a workflow may have others.</summary>
public sealed class OutputKindCompleter : IArgumentCompleter
{
    private static readonly string[] Known = ["image", "video", "file", "audio", "mesh", "text"];

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Matching(Known, wordToComplete);
}

/// <summary>Completes HTTP methods.</summary>
public sealed class MethodCompleter : IArgumentCompleter
{
    private static readonly string[] Known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Matching(Known, wordToComplete);
}

/// <summary>Completes the environments of deployments.</summary>
public sealed class EnvironmentCompleter : IArgumentCompleter
{
    private static readonly string[] Known = ["production", "staging", "preview", "public-share", "private-share", "community-share"];

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Matching(Known, wordToComplete);
}
