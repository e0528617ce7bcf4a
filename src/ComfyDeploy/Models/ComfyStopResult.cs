namespace ComfyDeploy;

/// <summary>The outcome of stopping one run.</summary>
public sealed class ComfyStopResult : IConnected
{
    internal ComfyStopResult() { }

    /// <summary>The run's UUID.</summary>
    public string RunId { get; internal init; } = string.Empty;

    /// <summary><c>workflow/environment</c>, where known.</summary>
    public string? DeploymentName { get; internal set; }

    /// <summary>The status before; null when the run could not be read.</summary>
    public string? Was { get; internal set; }

    /// <summary><c>Cancelled AlreadyFinished NotCancellable NotFound Failed StillRunning</c>.</summary>
    public string Outcome { get; internal set; } = string.Empty;

    /// <summary>The status after.</summary>
    public string? Status { get; internal set; }

    /// <summary>The reason for the outcome, where there is one.</summary>
    public string? Message { get; internal set; }

    internal ComfyConnection? Connection { get; init; }

    ComfyConnection? IConnected.Connection => Connection;
}
