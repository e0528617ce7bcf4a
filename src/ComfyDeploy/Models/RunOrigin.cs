namespace ComfyDeploy;

/// <summary>
/// What only the caller of a run knows. It is copied from snapshot to snapshot, because the service does not store or return it.
/// </summary>
internal sealed record RunOrigin(string? DeploymentId, string? DeploymentName, string? WorkflowName, string? Label, string? RestartOf,
    string? InputsJson)
{
    // What is queued is remembered as long as the process lives, and an image in the inputs has megabytes.
    private const int MaxInputs = 8192;

    /// <summary>The inputs, except long ones: the service returns those with the run.</summary>
    internal string? InputsJson { get; } = InputsJson is { Length: > MaxInputs } ? null : InputsJson;

    /// <summary>Where its batch is recorded; null without a manifest.</summary>
    internal ManifestEntry? Entry { get; init; }

    internal static RunOrigin Of(ComfyRun run) =>
        new(run.DeploymentId, run.DeploymentName, run.WorkflowName, run.Label, run.RestartOf, run.InputsJson) { Entry = run.Entry };
}
