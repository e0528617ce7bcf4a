namespace ComfyDeploy;

/// <summary>
/// What only the caller of a run knows. It is copied from snapshot to snapshot, because the service does not store or return it.
/// </summary>
internal sealed record RunOrigin(string? DeploymentId, string? DeploymentName, string? WorkflowName, string? Label, string? RestartOf,
    string? InputsJson)
{
    internal static RunOrigin Of(ComfyRun run) =>
        new(run.DeploymentId, run.DeploymentName, run.WorkflowName, run.Label, run.RestartOf, run.InputsJson);
}
