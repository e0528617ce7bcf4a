using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>What a call runs, once it is found: a deployment, or a version or a graph of a workflow on a machine.</summary>
/// <param name="Target">What is sent.</param>
/// <param name="Source">What an error is about.</param>
/// <param name="Connection">The connection it was found with.</param>
internal sealed record RunSubject(CreateTarget Target, object Source, ComfyConnection? Connection)
{
    internal string Name => Target.Name;

    /// <summary>What -WhatIf says of it besides its name and the GPU.</summary>
    internal string? Detail { get; private init; }

    internal string? DeploymentId { get; private init; }

    internal string? DeploymentName { get; private init; }

    internal string? WorkflowId { get; private init; }

    internal string? WorkflowName { get; private init; }

    internal string? WorkflowVersionId { get; private init; }

    internal string? MachineId { get; private init; }

    /// <summary>The GPU that a request cannot change.</summary>
    internal string? FixedGpu { get; private init; }

    /// <summary>The GPU of a run that requests none, where it is known.</summary>
    internal string? MachineGpu { get; private init; }

    /// <summary>The inputs that it takes; null when they are not known.</summary>
    internal IReadOnlyList<ComfyDeploymentInput>? Inputs { get; private init; }

    internal static RunSubject Of(ComfyDeployment deployment) => new(
        new DeploymentTarget(deployment.DeploymentId, deployment.DeploymentName), deployment, deployment.Connection)
    {
        Detail = deployment.Version is { } number ? $"version {number}" : null,
        DeploymentId = deployment.DeploymentId,
        DeploymentName = deployment.DeploymentName,
        WorkflowId = deployment.WorkflowId,
        WorkflowName = deployment.Name,
        WorkflowVersionId = deployment.WorkflowVersionId,
        MachineId = deployment.MachineId,
        FixedGpu = deployment.Gpu,
        Inputs = deployment.Inputs,
    };

    internal static RunSubject Of(
        WorkflowTarget target, ComfyWorkflow workflow, NamedWire machine, IReadOnlyList<ComfyDeploymentInput>? inputs) =>
        new(target, target.Name, workflow.Connection)
        {
            Detail = $"machine {machine.Name ?? machine.Id}",
            WorkflowId = target.WorkflowId,
            WorkflowName = workflow.Name,
            WorkflowVersionId = target.WorkflowVersionId,
            MachineId = target.MachineId,
            MachineGpu = machine.Gpu,
            Inputs = inputs,
        };
}
