namespace ComfyDeploy.Commands;

/// <summary>What a user wants to see of a list. One status and the earliest time also go to the service; all is checked again here, since it compares stored states.</summary>
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

    /// <summary>The status to ask the service for. It stores no time-outs that it only computes, and answers an unknown word with an error.</summary>
    internal string? ServerStatus =>
        _status.Count == 1 && _status.First() is var only && only != RunStatus.Timeout && RunStatus.All.Contains(only) ? only : null;

    internal bool Matches(ComfyRun run) =>
        (_status.Count == 0 || (run.Status is not null && _status.Contains(run.Status)))
        && (Finished is null || run.IsFinished == Finished)
        && (After is null || run.CreatedAt >= After)
        && (Before is null || run.CreatedAt < Before)
        && IsOneOf(Gpu, run.Gpu)
        && IsOneOf(Origin, run.Origin)
        && (DeploymentIds is null || (run.DeploymentId is not null && DeploymentIds.Contains(run.DeploymentId)))
        && (WorkflowIds is null || (run.WorkflowId is not null && WorkflowIds.Contains(run.WorkflowId)));

    private static bool IsOneOf(string[]? wanted, string? value) => wanted is null || wanted.Contains(value, StringComparer.OrdinalIgnoreCase);
}
