using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>A list of runs: those of a workflow, or of one of its deployments.</summary>
internal sealed record RunSource(string WorkflowId, string? WorkflowName, string? DeploymentId);

/// <summary>Finds the lists that hold the runs of named workflows and deployments. The service has no list of all runs.</summary>
internal static class RunSources
{
    internal static async Task<IReadOnlyList<RunSource>> OfDeploymentsAsync(
        ComfyDeployClient client, ComfyReference reference, string? environment, CancellationToken cancellationToken)
    {
        IReadOnlyList<ComfyDeployment> found =
            await DeploymentLookup.FindAllAsync(client, reference, environment, cancellationToken).ConfigureAwait(false);
        return [.. found.Where(d => d.WorkflowId is not null).Select(d => new RunSource(d.WorkflowId!, d.Name, d.DeploymentId))];
    }

    internal static async Task<IReadOnlyList<RunSource>> OfWorkflowsAsync(
        ComfyDeployClient client, ComfyReference reference, CancellationToken cancellationToken)
    {
        if (Guid.TryParse(reference.Text, out Guid id)) return [new(id.ToString("D"), reference.Object<ComfyWorkflow>()?.Name, null)];
        IReadOnlyList<ComfyWorkflow> all = await client.GetWorkflowsAsync(cancellationToken).ConfigureAwait(false);
        NamePattern pattern = new(reference.Text);
        RunSource[] found = [.. all.Where(w => pattern.Matches(w.Name)).Select(ToSource)];
        if (found.Length > 0 || pattern.IsWildcard) return found;
        IReadOnlyList<string> near =
            NearestNames.Of(reference.Text, all.Select(w => w.Name ?? string.Empty).Where(name => name.Length > 0));
        string hint = near.Count > 0 ? $" Nearest: {string.Join(", ", near)}." : string.Empty;
        throw new ComfyDeployException(
            ErrorIds.WorkflowNotFound, $"There is no workflow '{reference}' on connection '{client.Session.Connection.Name}'.{hint}");
    }

    internal static async Task<IReadOnlyList<RunSource>> OfAccountAsync(ComfyDeployClient client, CancellationToken cancellationToken)
    {
        IReadOnlyList<ComfyWorkflow> all = await client.GetWorkflowsAsync(cancellationToken).ConfigureAwait(false);
        return [.. all.Select(ToSource)];
    }

    /// <summary>The deployments of these workflows in one environment.</summary>
    internal static async Task<IReadOnlyList<RunSource>> InEnvironmentAsync(
        ComfyDeployClient client, IReadOnlyList<RunSource> workflows, string environment, CancellationToken cancellationToken)
    {
        IReadOnlyList<ComfyDeployment> all = await client.GetDeploymentsAsync(fresh: false, cancellationToken).ConfigureAwait(false);
        return [.. all.Where(d => string.Equals(d.Environment, environment, StringComparison.OrdinalIgnoreCase))
            .Where(d => workflows.Any(w => w.WorkflowId == d.WorkflowId))
                .Select(d => new RunSource(d.WorkflowId!, d.Name, d.DeploymentId))];
    }

    private static RunSource ToSource(ComfyWorkflow workflow) => new(workflow.WorkflowId, workflow.Name, null);
}
