using System.Globalization;

namespace ComfyDeploy;

/// <summary>Where to look for the run of a request whose outcome is unknown: in the list of a deployment or of a workflow.</summary>
/// <param name="DeploymentId">The deployment; null for a run without one.</param>
/// <param name="WorkflowId">The workflow of a run without a deployment.</param>
/// <param name="SentAfter">The time of the request; its run is not older.</param>
internal sealed record UnconfirmedRun(string? DeploymentId, string? WorkflowId, DateTime SentAfter)
{
    /// <summary>The time as text that a command takes.</summary>
    internal string After => SentAfter.ToLocalTime().ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
}
