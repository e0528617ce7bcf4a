using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>Completes the deployments that the connection already read; never sends a request.</summary>
public sealed class DeploymentCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        ComfyConnection? connection = fakeBoundParameters["Connection"] switch
        {
            string name => ConnectionStore.Find(name),
            ComfyConnection given => given,
            _ => ConnectionStore.Default,
        };
        return connection is null ? [] : Completions.Matching(ApiSession.For(connection).Deployments.Names, wordToComplete);
    }
}
