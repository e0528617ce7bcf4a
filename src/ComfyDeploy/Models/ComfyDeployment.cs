using System.Management.Automation;

namespace ComfyDeploy;

/// <summary>A workflow version on a machine in an environment: the thing one runs. All dates are local time.</summary>
public sealed class ComfyDeployment : IComfyRunSource
{
    internal ComfyDeployment() { }

    /// <summary>Workflow's name; the service gives deployments none of their own.</summary>
    public string? Name { get; internal set; }

    /// <summary>Such as <c>production</c>, <c>staging</c>, <c>preview</c>. Server: <c>environment</c>.</summary>
    public string? Environment { get; internal set; }

    /// <summary><c>workflow/environment</c>: what <c>-Deployment</c> takes.</summary>
    public string DeploymentName => $"{Name}/{Environment}";

    /// <summary>The GPU this deployment fixes: it beats the one asked for. Null when it fixes none. Server: <c>gpu</c>.</summary>
    public string? Gpu { get; internal set; }

    /// <summary>Name of the machine, where the service tells it.</summary>
    public string? MachineName { get; internal set; }

    /// <summary>Number of the workflow version it runs. Server: <c>version.version</c>.</summary>
    public int? Version { get; internal set; }

    /// <summary>Last change, local time. Server: <c>updated_at</c>.</summary>
    public DateTime? UpdatedAt { get; internal set; }

    /// <summary>Made, local time. Server: <c>created_at</c>.</summary>
    public DateTime? CreatedAt { get; internal set; }

    /// <summary>Deployment's UUID. Server: <c>id</c>.</summary>
    public string DeploymentId { get; internal set; } = string.Empty;

    /// <summary>Workflow's UUID. Server: <c>workflow_id</c>.</summary>
    public string? WorkflowId { get; internal set; }

    /// <summary>Workflow version's UUID. Server: <c>workflow_version_id</c>.</summary>
    public string? WorkflowVersionId { get; internal set; }

    /// <summary>Machine's UUID. Server: <c>machine_id</c>.</summary>
    public string? MachineId { get; internal set; }

    /// <summary>Seconds after which a run is ended. Server: <c>run_timeout</c>.</summary>
    public int? RunTimeoutSeconds { get; internal set; }

    /// <summary>Server: <c>description</c>.</summary>
    public string? Description { get; internal set; }

    /// <summary>Who made it. Server: <c>user_id</c>.</summary>
    public string? UserId { get; internal set; }

    /// <summary>Its organization, null for a personal account. Server: <c>org_id</c>.</summary>
    public string? OrgId { get; internal set; }

    /// <summary>Name of the connection it was read with.</summary>
    public string? ConnectionName => Connection?.Name;

    /// <summary>What it can be given; null when the service does not tell. Server: <c>input_types</c>.</summary>
    [Hidden]
    public IReadOnlyList<ComfyDeploymentInput>? Inputs { get; internal set; }

    internal ComfyConnection? Connection { get; set; }

    ComfyConnection? IComfyRunSource.Connection => Connection;

    /// <summary><see cref="DeploymentName"/>.</summary>
    public override string ToString() => DeploymentName;
}
