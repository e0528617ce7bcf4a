namespace ComfyDeploy.Client;

/// <summary>A run that is about to be queued, as a manifest records it.</summary>
/// <param name="Key">Its row.</param>
/// <param name="Row">The number of the row in its call.</param>
/// <param name="Run">What is known of the run before it exists.</param>
/// <param name="At">When, UTC by the service's clock.</param>
/// <param name="IsExactTime">Whether the service's clock was known.</param>
internal sealed record ManifestIntent(string Key, int Row, ComfyRun Run, DateTime At, bool IsExactTime)
{
    /// <summary>Adds what only the caller knows to what is known of the run.</summary>
    internal ComfyRun Complete(ComfyRun run, ManifestRow row)
    {
        run.CarryOver(RunOrigin.Of(Run));
        run.WorkflowId ??= Run.WorkflowId;
        run.WorkflowVersionId ??= Run.WorkflowVersionId;
        run.MachineId ??= Run.MachineId;
        run.Gpu ??= Run.Gpu;
        run.Status ??= row.State == RowState.Queued ? RunStatus.NotStarted : RunStatus.NotQueued;
        run.IsUnconfirmed = row.State == RowState.Intended;
        if (row.State == RowState.Refused) run.Error ??= "The service refused the run.";
        if (row.State == RowState.Intended)
            run.Error ??= $"It is not known whether it was queued at {At.ToLocalTime():yyyy-MM-ddTHH:mm:ss}: the call ended before the answer.";
        run.IsRecorded = true;
        return run;
    }

    internal OpenIntent ToOpenIntent()
    {
        string name = Run.DeploymentName ?? Run.WorkflowName ?? string.Empty;
        CreateTarget target = Run.DeploymentId is { } deployment ? new DeploymentTarget(deployment, name)
            : Run.WorkflowVersionId is { } version ? new VersionTarget(version, Run.WorkflowId!, Run.MachineId!, name)
            // Two graphs with the same inputs cannot be told apart in the list.
            : new GraphTarget(Key.Split('#')[0], Run.WorkflowId!, Run.MachineId!, name);
        return new(Key, target, Run.InputsJson ?? "{}", At, IsExactTime);
    }
}
