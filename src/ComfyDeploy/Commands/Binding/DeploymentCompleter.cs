namespace ComfyDeploy.Commands;

/// <summary>Completes deployments: <c>workflow</c> and <c>workflow/environment</c>.</summary>
public sealed class DeploymentCompleter : Completer
{
    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command) =>
        (command.Lists?.Deployments ?? []).SelectMany(d => new[]
        {
            new Suggestion(d.Name ?? string.Empty, $"{d.Name}, in any environment"),
            new Suggestion(d.DeploymentName,
                Suggestion.Join(d.DeploymentName, d.Version is { } version ? $"version {version}" : null, d.Gpu, d.Description)),
        }).OrderBy(suggestion => suggestion.Word, StringComparer.OrdinalIgnoreCase);
}

/// <summary>Completes the names of workflows.</summary>
public sealed class WorkflowCompleter : Completer
{
    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command) =>
        Suggestion.Of((command.Lists?.WorkflowNames ?? []).OrderBy(name => name, StringComparer.OrdinalIgnoreCase));
}

/// <summary>Completes the names of machines.</summary>
public sealed class MachineCompleter : Completer
{
    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command) =>
        Suggestion.Of((command.Lists?.MachineNames ?? []).OrderBy(name => name, StringComparer.OrdinalIgnoreCase));
}

/// <summary>Completes the runs that this process queued, read or listed, the newest first.</summary>
public sealed class RunIdCompleter : Completer
{
    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command) => command.Lists?.Runs ?? [];
}

/// <summary>Completes the inputs of the deployment in -Deployment.</summary>
public sealed class InputNameCompleter : Completer
{
    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command) =>
        command.DeploymentsOf("Deployment").SelectMany(d => d.Inputs ?? [])
            .Select(input => new Suggestion(input.Name, Suggestion.Join(input.Name, input.Kind, input.Description)))
            .OrderBy(suggestion => suggestion.Word, StringComparer.OrdinalIgnoreCase);
}

/// <summary>Completes the environments of the deployment that is typed; without one, all that are known.</summary>
public sealed class EnvironmentCompleter : Completer
{
    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command)
    {
        string[] own = [.. command.DeploymentsOf("Deployment", "Name").Select(d => d.Environment).OfType<string>()];
        return Suggestion.Of((own.Length > 0 ? own : KnownWords.Environments.Words).OrderBy(word => word, StringComparer.Ordinal));
    }
}
