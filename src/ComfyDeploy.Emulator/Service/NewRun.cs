using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Service;

/// <summary>The parameters of a new run.</summary>
internal sealed record NewRun
{
    public Guid? Id { get; init; }

    public required SeedDeployment? Deployment { get; init; }

    public required SeedWorkflow Workflow { get; init; }

    /// <summary>The version, when the request names one; that of a deployment is known without.</summary>
    public Guid? VersionId { get; init; }

    /// <summary>The model to run without a workflow, which always fails.</summary>
    public string? ModelId { get; init; }

    public required SeedMachine Machine { get; init; }

    public required Caller Caller { get; init; }

    public required JsonObject Inputs { get; init; }

    /// <summary>The graph, when the request contains one.</summary>
    public JsonObject? WorkflowApi { get; init; }

    public DateTime? CreatedAt { get; init; }

    public string? Gpu { get; init; }

    public string Origin { get; init; } = "api";

    public string? Webhook { get; init; }

    public bool WebhookIntermediateStatus { get; init; }

    public Guid? BatchId { get; init; }
}
