namespace ComfyDeploy.Emulator;

/// <summary>A run as the emulator stores it, whoever may see it.</summary>
public sealed class EmulatorRun
{
    /// <summary>Its ID.</summary>
    public string RunId { get; internal set; } = "";

    /// <summary>The deployment it runs; null when it was started from a graph.</summary>
    public string? DeploymentId { get; internal set; }

    /// <summary>Workflow and environment, as in <c>portrait/production</c>.</summary>
    public string DeploymentName { get; internal set; } = "";

    /// <summary>Its status now.</summary>
    public string Status { get; internal set; } = "";

    /// <summary>When it was created, by the emulator's clock, UTC.</summary>
    public DateTime CreatedAt { get; internal set; }

    /// <summary>Its inputs as JSON text.</summary>
    public string Inputs { get; internal set; } = "";

    /// <summary>Name, id and status.</summary>
    public override string ToString() => $"{DeploymentName} {RunId} {Status}";
}
