namespace ComfyDeploy;

/// <summary>What has runs that can be listed: a workflow or a deployment.</summary>
public interface IComfyRunSource
{
    /// <summary>Workflow whose runs are meant.</summary>
    string? WorkflowId { get; }

    /// <summary>Deployment whose runs alone are meant; null for all of the workflow.</summary>
    string? DeploymentId { get; }

    /// <summary>The account they are in.</summary>
    internal ComfyConnection? Connection { get; }
}
