namespace ComfyDeploy.Commands;

/// <summary>
/// Which runs of a list to write. A single status and the earliest time also go to the service, but it compares stored states.
/// </summary>
internal sealed class RunFilter
{
    private readonly HashSet<string> _status;

    internal RunFilter(IEnumerable<string>? status) => _status = [.. (status ?? []).Select(RunStatus.Normalize)];

    internal bool? Finished { get; init; }

    internal DateTime? After { get; init; }

    internal DateTime? Before { get; init; }

    internal string[]? Gpu { get; init; }

    internal string[]? Origin { get; init; }

    /// <summary>Deployments whose runs alone are meant.</summary>
    internal HashSet<string>? DeploymentIds { get; init; }

    internal HashSet<string>? WorkflowIds { get; init; }

    /// <summary>The status to send. The service does not store the time-outs it computes, and rejects unknown words.</summary>
    internal string? ServerStatus =>
        _status.Count == 1 && _status.First() is var only && only != RunStatus.Timeout && RunStatus.All.Contains(only) ? only : null;

    internal bool Matches(ComfyRun run) =>
        (_status.Count == 0 || (run.Status is not null && _status.Contains(run.Status)))
        && (Finished is null || run.IsActive != Finished)
        // A run of unknown age may be meant, and billed.
        && !(run.CreatedAt < After)
        && !(run.CreatedAt >= Before)
        && IsOneOf(Gpu, run.Gpu)
        && IsOneOf(Origin, run.Origin)
        && (DeploymentIds is null || (run.DeploymentId is not null && DeploymentIds.Contains(run.DeploymentId)))
        && (WorkflowIds is null || (run.WorkflowId is not null && WorkflowIds.Contains(run.WorkflowId)));

    private static bool IsOneOf(string[]? wanted, string? value) =>
        wanted is null || wanted.Contains(value, StringComparer.OrdinalIgnoreCase);
}
