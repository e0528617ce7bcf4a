using System.Management.Automation;

namespace ComfyDeploy;

/// <summary>A workflow version on a machine in an environment, which can be run. All dates are local time.</summary>
public sealed class ComfyDeployment : IComfyRunSource
{
    internal ComfyDeployment() { }

    /// <summary>Workflow's name; a deployment has no name of its own.</summary>
    public string? Name { get; internal init; }

    /// <summary>Such as <c>production</c>, <c>staging</c>, <c>preview</c>. Server: <c>environment</c>.</summary>
    public string? Environment { get; internal init; }

    /// <summary><c>workflow/environment</c>: what <c>-Deployment</c> takes.</summary>
    public string DeploymentName => NameOf(Name, Environment);

    /// <summary>The GPU this deployment fixes, which overrides the requested one. Null when it fixes none. Server: <c>gpu</c>.</summary>
    public string? Gpu { get; internal init; }

    /// <summary>Name of the machine, where known.</summary>
    public string? MachineName { get; internal set; }

    /// <summary>Number of the workflow version it runs. Server: <c>version.version</c>.</summary>
    public int? Version { get; internal init; }

    /// <summary>Last change, local time. Server: <c>updated_at</c>.</summary>
    public DateTime? UpdatedAt { get; internal init; }

    /// <summary>When it was created, local time. Server: <c>created_at</c>.</summary>
    public DateTime? CreatedAt { get; internal init; }

    /// <summary>Deployment's UUID. Server: <c>id</c>.</summary>
    public string DeploymentId { get; internal init; } = string.Empty;

    /// <summary>Workflow's UUID. Server: <c>workflow_id</c>.</summary>
    public string? WorkflowId { get; internal init; }

    /// <summary>Workflow version's UUID. Server: <c>workflow_version_id</c>.</summary>
    public string? WorkflowVersionId { get; internal init; }

    /// <summary>Machine's UUID. Server: <c>machine_id</c>.</summary>
    public string? MachineId { get; internal init; }

    /// <summary>Seconds after which the service ends a run. Server: <c>run_timeout</c>.</summary>
    public int? RunTimeoutSeconds { get; internal init; }

    /// <summary>Server: <c>description</c>.</summary>
    public string? Description { get; internal init; }

    /// <summary>Who made it. Server: <c>user_id</c>.</summary>
    public string? UserId { get; internal init; }

    /// <summary>Its organization, null for a personal account. Server: <c>org_id</c>.</summary>
    public string? OrgId { get; internal init; }

    /// <summary>Name of the connection it was read with.</summary>
    public string? ConnectionName => Connection?.Name;

    /// <summary>The inputs it accepts; null when the service does not return them. Server: <c>input_types</c>.</summary>
    [Hidden]
    public IReadOnlyList<ComfyDeploymentInput>? Inputs { get; internal init; }

    internal ComfyConnection? Connection { get; init; }

    ComfyConnection? IComfyRunSource.Connection => Connection;

    internal static string NameOf(string? workflowName, string? environment) => $"{workflowName}/{environment}";

    /// <summary><see cref="DeploymentName"/>.</summary>
    public override string ToString() => DeploymentName;
}
