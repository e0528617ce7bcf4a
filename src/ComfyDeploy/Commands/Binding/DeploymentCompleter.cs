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
        return Completions.Matching(Known(fakeBoundParameters)?.Names ?? [], wordToComplete);
    }

    internal static DeploymentCache? Known(IDictionary boundParameters)
    {
        ComfyConnection? connection = boundParameters["Connection"] switch
        {
            string name => ConnectionStore.Find(name),
            ComfyConnection given => given,
            _ => ConnectionStore.Default,
        };
        return connection is null ? null : ApiSession.For(connection).Deployments;
    }
}

/// <summary>Completes the inputs of the deployment in -Deployment, if the connection already read it; never sends a request.</summary>
public sealed class InputNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        object? given = fakeBoundParameters["Deployment"].Unwrap();
        IEnumerable<ComfyDeployment> meant = given as ComfyDeployment is { } deployment ? [deployment]
            : DeploymentCompleter.Known(fakeBoundParameters)?.Last.Where(d => IsMeant(d, given?.ToString())) ?? [];
        return Completions.Matching(meant.SelectMany(d => d.Inputs ?? []).Select(input => input.Name), wordToComplete);
    }

    private static bool IsMeant(ComfyDeployment deployment, string? reference) =>
        new[] { deployment.Name, deployment.DeploymentName, deployment.DeploymentId }.Contains(reference, StringComparer.OrdinalIgnoreCase);
}
