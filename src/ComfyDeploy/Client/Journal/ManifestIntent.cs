namespace ComfyDeploy.Client;

/// <summary>What is about to be queued.</summary>
/// <param name="Key">The row.</param>
/// <param name="Number">Its number in the call; the first one recorded for the row stays.</param>
/// <param name="Attempt">From 1; a restart is the next attempt.</param>
/// <param name="At">UTC, by the service's clock where it is known.</param>
/// <param name="IsExactTime">Whether the service's clock is known.</param>
/// <param name="Run">What is known of the run before it is queued: names, IDs, GPU, label, and inputs.</param>
internal sealed record ManifestIntent(RowKey Key, int Number, int Attempt, DateTime At, bool IsExactTime, ComfyRun Run)
{
    /// <summary>What to look for when it was never answered.</summary>
    internal OpenIntent ToOpenIntent()
    {
        string name = Run.DeploymentName ?? Run.WorkflowName ?? string.Empty;
        CreateTarget target = Run.DeploymentId is { } deployment ? new DeploymentTarget(deployment, name)
            : Run.WorkflowVersionId is { } version ? new VersionTarget(version, Run.WorkflowId!, Run.MachineId!, name)
            // The list does not tell which graph a run has.
            : new GraphTarget($"{Key.Hash}", Run.WorkflowId!, Run.MachineId!, name);
        return new(Key.ToString(), target, Run.InputsJson ?? "{}", At, IsExactTime);
    }
}

/// <summary>A file that was downloaded for a run.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Index">Position among its outputs.</param>
/// <param name="Kind">Kind of output.</param>
/// <param name="Path">The full path.</param>
/// <param name="Length">Its size in bytes.</param>
internal sealed record SavedFile(string RunId, int Index, string Kind, string Path, long Length);
