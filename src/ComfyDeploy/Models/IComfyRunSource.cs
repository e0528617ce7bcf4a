namespace ComfyDeploy;

/// <summary>An object whose runs can be listed: a workflow or a deployment.</summary>
public interface IComfyRunSource
{
    /// <summary>Workflow whose runs to list.</summary>
    string? WorkflowId { get; }

    /// <summary>Deployment whose runs to list; null for all runs of the workflow.</summary>
    string? DeploymentId { get; }

    /// <summary>The connection they belong to.</summary>
    internal ComfyConnection? Connection { get; }
}
