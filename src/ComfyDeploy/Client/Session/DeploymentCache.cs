namespace ComfyDeploy.Client;

/// <summary>The account's deployments for a minute, so that a loop of 500 starts does not list them 500 times.</summary>
internal sealed class DeploymentCache
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    private volatile Entry? _entry;

    internal IReadOnlyList<ComfyDeployment>? Get(DateTime now) =>
        _entry is { } entry && now - entry.ReadAt < Lifetime ? entry.Deployments : null;

    /// <summary>For names only, which rarely change.</summary>
    internal ComfyDeployment? Find(string? deploymentId) =>
        deploymentId is not null && _entry is { } entry && entry.ById.TryGetValue(deploymentId, out ComfyDeployment? found) ? found : null;

    /// <summary>For argument completion, which also accepts older ones.</summary>
    internal IReadOnlyList<ComfyDeployment> Last => _entry?.Deployments ?? [];

    internal void Set(IReadOnlyList<ComfyDeployment> deployments, DateTime now)
    {
        // A service may leave out an ID, or list a deployment twice.
        Dictionary<string, ComfyDeployment> byId = [];
        foreach (ComfyDeployment deployment in deployments.Where(deployment => deployment.DeploymentId.Length > 0))
            byId[deployment.DeploymentId] = deployment;
        _entry = new(deployments, byId, now);
    }

    private sealed record Entry(IReadOnlyList<ComfyDeployment> Deployments, Dictionary<string, ComfyDeployment> ById, DateTime ReadAt);
}
