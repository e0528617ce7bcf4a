using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>What is to run: a deployment, or a version or a graph of a workflow on a machine.</summary>
/// <param name="Name">Its name, for messages.</param>
internal abstract record CreateTarget(string Name)
{
    /// <summary>The deployment or the workflow that lists its runs. Creates with the same list are looked up together.</summary>
    internal abstract string ListId { get; }

    /// <summary>What the list tells of its runs: those of two targets with the same key look alike, except for their inputs.</summary>
    internal abstract string RowKey { get; }

    /// <summary>What the request contains and the list does not tell.</summary>
    internal virtual string? Unlisted => null;

    /// <summary>What it is known by in a manifest.</summary>
    internal string ManifestKey => Unlisted is null ? RowKey : $"{RowKey}\n{Unlisted}";

    internal abstract string Path { get; }

    /// <summary>The error ID for a target that does not exist.</summary>
    internal abstract string NotFoundId { get; }

    /// <summary>Writes the properties of the request that name the target.</summary>
    internal abstract void WriteTo(Utf8JsonWriter writer);

    /// <summary>Whether a row of the list can be a run of it.</summary>
    internal abstract bool CanBe(RunWire row);

    /// <summary>Where to look for a run of it by hand.</summary>
    internal abstract UnconfirmedRun Unconfirmed(DateTime sentAfter);
}

internal sealed record DeploymentTarget(string DeploymentId, string Name) : CreateTarget(Name)
{
    internal override string ListId => DeploymentId;

    internal override string RowKey => DeploymentId;

    internal override string Path => "/run/deployment/queue";

    internal override string NotFoundId => ErrorIds.DeploymentNotFound;

    internal override void WriteTo(Utf8JsonWriter writer) => writer.WriteString("deployment_id", DeploymentId);

    internal override bool CanBe(RunWire row) => true;

    internal override UnconfirmedRun Unconfirmed(DateTime sentAfter) => new(DeploymentId, null, sentAfter);
}

/// <summary>A workflow on a machine, without a deployment. Its list has the runs of all deployments too.</summary>
internal abstract record WorkflowTarget(string WorkflowId, string MachineId, string Name) : CreateTarget(Name)
{
    internal override string ListId => WorkflowId;

    internal override string RowKey => $"{WorkflowVersionId} {MachineId}";

    internal override string NotFoundId => ErrorIds.WorkflowNotFound;

    /// <summary>The version that its runs have.</summary>
    internal abstract string? WorkflowVersionId { get; }

    internal override bool CanBe(RunWire row) =>
        row.DeploymentId is null && AreSame(row.MachineId, MachineId) && AreSame(row.WorkflowVersionId, WorkflowVersionId);

    internal override UnconfirmedRun Unconfirmed(DateTime sentAfter) => new(null, WorkflowId, sentAfter);

    private static bool AreSame(string? id, string? other) => string.Equals(id, other, StringComparison.OrdinalIgnoreCase);
}

internal sealed record VersionTarget(string VersionId, string WorkflowId, string MachineId, string Name)
    : WorkflowTarget(WorkflowId, MachineId, Name)
{
    internal override string? WorkflowVersionId => VersionId;

    // The service has no other path for a version.
    internal override string Path => "/run";

    internal override void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteString("workflow_version_id", VersionId);
        writer.WriteString("machine_id", MachineId);
    }
}

/// <param name="GraphJson">The graph in the form of the ComfyUI API.</param>
/// <param name="WorkflowId">The workflow that its runs belong to.</param>
/// <param name="MachineId">The machine.</param>
/// <param name="Name">Its name, for messages.</param>
internal sealed record GraphTarget(string GraphJson, string WorkflowId, string MachineId, string Name)
    : WorkflowTarget(WorkflowId, MachineId, Name)
{
    internal override string? WorkflowVersionId => null;

    internal override string? Unlisted => GraphJson;

    internal override string Path => "/run/workflow/queue";

    internal override void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteString("workflow_id", WorkflowId);
        writer.WritePropertyName("workflow_api_json");
        writer.WriteRawValue(GraphJson);
        writer.WriteString("machine_id", MachineId);
    }
}
