namespace ComfyDeploy;

/// <summary>A workflow of the account. All dates are local time.</summary>
public sealed class ComfyWorkflow : IComfyRunSource
{
    internal ComfyWorkflow() { }

    /// <summary>Server: <c>name</c>; not unique.</summary>
    public string? Name { get; internal init; }

    /// <summary>Last change, local time. Server: <c>updated_at</c>.</summary>
    public DateTime? UpdatedAt { get; internal init; }

    /// <summary>Who made it. Server: <c>user_name</c>.</summary>
    public string? UserName { get; internal init; }

    /// <summary>Workflow's UUID. Server: <c>id</c>.</summary>
    public string WorkflowId { get; internal init; } = string.Empty;

    internal ComfyConnection? Connection { get; init; }

    ComfyConnection? IComfyRunSource.Connection => Connection;

    string? IComfyRunSource.DeploymentId => null;

    /// <summary>The name.</summary>
    public override string ToString() => Name ?? WorkflowId;
}
