using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// Finds deployments by ID, <c>workflow</c> or <c>workflow/environment</c>. Several candidates are an error that names them.
/// </summary>
internal static class DeploymentLookup
{
    private const string Production = "production";

    /// <summary>The one deployment meant: of several environments the production one.</summary>
    internal static async Task<ComfyDeployment> FindOneAsync(
        ComfyDeployClient client, ComfyReference reference, string? environment, CancellationToken cancellationToken)
    {
        if (await FindByIdAsync(client, reference, cancellationToken).ConfigureAwait(false) is { } known)
        {
            if (IsIn(known, environment)) return known;
            throw new ComfyDeployException(ErrorIds.DeploymentNotFound,
                $"{known.DeploymentName} ({known.DeploymentId}) is not in {environment}.");
        }
        ComfyDeployment[] found = await FindByNameAsync(client, reference.Text, environment, cancellationToken).ConfigureAwait(false);
        if (found.Length > 1 && found.Count(IsProduction) == 1) found = [found.Single(IsProduction)];
        if (found.Length == 1) return found[0];
        string candidates = string.Join(" or ", found.Select(d => $"{d.DeploymentName} ({d.DeploymentId})"));
        throw new ComfyDeployException(
            ErrorIds.DeploymentAmbiguous, $"'{reference}' may be {candidates}. Specify -Environment, workflow/environment, or the ID.");
    }

    /// <summary>All deployments a wildcard matches, or the one meant.</summary>
    internal static async Task<IReadOnlyList<ComfyDeployment>> FindAllAsync(
        ComfyDeployClient client, ComfyReference reference, string? environment, CancellationToken cancellationToken)
    {
        if (reference.HasObject || !new NamePattern(reference.Text).IsWildcard)
        {
            return [await FindOneAsync(client, reference, environment, cancellationToken).ConfigureAwait(false)];
        }
        IReadOnlyList<ComfyDeployment> all = await client.GetDeploymentsAsync(fresh: false, cancellationToken).ConfigureAwait(false);
        return [.. all.Where(d => Matches(d, reference.Text) && IsIn(d, environment))];
    }

    /// <summary>Whether a name with or without wildcards means this deployment.</summary>
    internal static bool Matches(ComfyDeployment deployment, string name)
    {
        NamePattern pattern = new(name);
        return pattern.Matches(deployment.DeploymentName) || pattern.Matches(deployment.Name);
    }

    /// <summary>By name, then by environment: the order for people, who look for a name. The service's own is newest first.</summary>
    internal static IEnumerable<ComfyDeployment> Sort(IEnumerable<ComfyDeployment> deployments) =>
        deployments.OrderBy(d => d.Name, StringComparer.OrdinalIgnoreCase).ThenBy(d => d.Environment, StringComparer.OrdinalIgnoreCase);

    internal static ComfyDeployException NotFound(
        ComfyDeployClient client, string name, string? environment, IReadOnlyList<ComfyDeployment> all)
    {
        string wanted = environment is null ? $"'{name}'" : $"'{name}' in {environment}";
        string message = $"There is no deployment {wanted} on connection '{client.Session.Connection.Name}'.";
        string[] elsewhere = [.. all.Where(d => IsNamed(d, name)).Select(d => d.DeploymentName)];
        if (environment is not null && elsewhere.Length > 0)
        {
            return new(ErrorIds.DeploymentNotFound, $"{message} There are: {string.Join(", ", elsewhere)}.");
        }
        IReadOnlyList<string> near = NearestNames.Of(
            name, all.SelectMany(d => new[] { d.DeploymentName, d.Name ?? string.Empty }).Where(text => text.Length > 0));
        string hint = near.Count > 0 ? $"Nearest: {string.Join(", ", near)}." : "See Get-ComfyDeployment.";
        return new(ErrorIds.DeploymentNotFound, $"{message} {hint}");
    }

    /// <summary>For an object without a DeploymentId. The list of a workflow tells the deployment of each run.</summary>
    internal static ComfyDeployException Unknown(PSObject? source)
    {
        string? run = ComfyReference.PropertyOf(source, nameof(ComfyRun.RunId));
        string hint = ComfyReference.PropertyOf(source, nameof(ComfyRun.WorkflowId)) is { } workflow && run is not null
            ? $" List it instead: Get-ComfyRun -Workflow {CommandLine.Quote(workflow)} | Where-Object RunId -eq {CommandLine.Quote(run)} | "
                + "Get-ComfyDeployment"
            : string.Empty;
        return new(ErrorIds.DeploymentUnknown,
            $"This object does not say which deployment it belongs to: a run read by its ID alone has no DeploymentId.{hint}");
    }

    private static async Task<ComfyDeployment?> FindByIdAsync(
        ComfyDeployClient client, ComfyReference reference, CancellationToken cancellationToken)
    {
        if (reference.Object<ComfyDeployment>() is { } deployment) return deployment;
        return Guid.TryParse(reference.Text, out Guid id)
            ? await client.GetDeploymentAsync(id.ToString("D"), cancellationToken).ConfigureAwait(false)
            : null;
    }

    private static async Task<ComfyDeployment[]> FindByNameAsync(
        ComfyDeployClient client, string name, string? environment, CancellationToken cancellationToken)
    {
        IReadOnlyList<ComfyDeployment> all = await client.GetDeploymentsAsync(fresh: false, cancellationToken).ConfigureAwait(false);
        if (!all.Any(IsMeant))
        {
            // A cached list may lack the deployment that was just created.
            all = await client.GetDeploymentsAsync(fresh: true, cancellationToken).ConfigureAwait(false);
        }
        ComfyDeployment[] found = [.. all.Where(IsMeant)];
        return found.Length > 0 ? found : throw NotFound(client, name, environment, all);

        bool IsMeant(ComfyDeployment deployment) => IsNamed(deployment, name) && IsIn(deployment, environment);
    }

    private static bool IsNamed(ComfyDeployment deployment, string name) =>
        string.Equals(deployment.Name, name, StringComparison.OrdinalIgnoreCase)
        || string.Equals(deployment.DeploymentName, name, StringComparison.OrdinalIgnoreCase);

    private static bool IsIn(ComfyDeployment deployment, string? environment) =>
        environment is null || string.Equals(deployment.Environment, environment, StringComparison.OrdinalIgnoreCase);

    private static bool IsProduction(ComfyDeployment deployment) => IsIn(deployment, Production);
}
