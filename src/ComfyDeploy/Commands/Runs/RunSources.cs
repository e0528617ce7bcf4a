using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>A list of runs: those of a workflow, or of one of its deployments.</summary>
internal sealed record RunSource(ComfyDeployClient Client, string WorkflowId, string? WorkflowName, string? DeploymentId);

/// <summary>Finds the lists that hold the runs of named workflows and deployments. The service has no list of all runs.</summary>
internal static class RunSources
{
    internal static async Task<IReadOnlyList<RunSource>> OfDeploymentsAsync(
        ComfyDeployClient client, ComfyReference reference, string? environment, CancellationToken cancellationToken)
    {
        IReadOnlyList<ComfyDeployment> found =
            await DeploymentLookup.FindAllAsync(client, reference, environment, cancellationToken).ConfigureAwait(false);
        return [.. found.Where(d => d.WorkflowId is not null).Select(d => new RunSource(client, d.WorkflowId!, d.Name, d.DeploymentId))];
    }

    internal static async Task<IReadOnlyList<RunSource>> OfWorkflowsAsync(
        ComfyDeployClient client, ComfyReference reference, CancellationToken cancellationToken)
    {
        if (Guid.TryParse(reference.Text, out Guid id))
            return [new(client, id.ToString("D"), reference.Object<ComfyWorkflow>()?.Name, null)];
        IReadOnlyList<ComfyWorkflow> all = await client.GetWorkflowsAsync(cancellationToken).ConfigureAwait(false);
        NamePattern pattern = new(reference.Text);
        RunSource[] found = [.. all.Where(w => pattern.Matches(w.Name)).Select(w => ToSource(client, w))];
        if (found.Length > 0 || pattern.IsWildcard) return found;
        throw reference.Text.Contains('/')
            ? NotFound(client, reference.Text, $" For the runs of a deployment: -Deployment {CommandLine.Quote(reference.Text)}")
            : NotFound(client, reference.Text, all);
    }

    /// <summary>No workflow has this name.</summary>
    internal static ComfyDeployException NotFound(ComfyDeployClient client, string name, IReadOnlyList<ComfyWorkflow> all)
    {
        IReadOnlyList<string> near = NearestNames.Of(name, all.Select(w => w.Name ?? string.Empty).Where(known => known.Length > 0));
        return NotFound(client, name, near.Count > 0 ? $" Nearest: {string.Join(", ", near)}." : string.Empty);
    }

    private static ComfyDeployException NotFound(ComfyDeployClient client, string name, string hint) =>
        new(ErrorIds.WorkflowNotFound, $"There is no workflow '{name}' on connection '{client.Session.Connection.Name}'.{hint}");

    internal static async Task<IReadOnlyList<RunSource>> OfAccountAsync(ComfyDeployClient client, CancellationToken cancellationToken)
    {
        IReadOnlyList<ComfyWorkflow> all = await client.GetWorkflowsAsync(cancellationToken).ConfigureAwait(false);
        return [.. all.Select(w => ToSource(client, w))];
    }

    /// <summary>The deployments of these workflows in one environment.</summary>
    internal static async Task<IReadOnlyList<RunSource>> InEnvironmentAsync(
        IEnumerable<RunSource> workflows, string environment, CancellationToken cancellationToken)
    {
        List<RunSource> found = [];
        foreach (IGrouping<ComfyDeployClient, RunSource> account in workflows.GroupBy(workflow => workflow.Client))
        {
            IReadOnlyList<ComfyDeployment> all =
                await account.Key.GetDeploymentsAsync(fresh: false, cancellationToken).ConfigureAwait(false);
            found.AddRange(all
                .Where(d => string.Equals(d.Environment, environment, StringComparison.OrdinalIgnoreCase))
                .Where(d => account.Any(w => w.WorkflowId == d.WorkflowId))
                .Select(d => new RunSource(account.Key, d.WorkflowId!, d.Name, d.DeploymentId)));
        }
        return found;
    }

    private static RunSource ToSource(ComfyDeployClient client, ComfyWorkflow workflow) =>
        new(client, workflow.WorkflowId, workflow.Name, null);
}
