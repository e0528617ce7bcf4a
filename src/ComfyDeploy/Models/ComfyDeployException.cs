using ComfyDeploy.Text;

namespace ComfyDeploy;

/// <summary>A call that failed: the service's own sentence, its status, and the stable id of the error.</summary>
public sealed class ComfyDeployException : Exception
{
    // A service may answer with an ID of megabytes, and most messages contain some text of its own.
    private const int MaxLength = 3000;

    /// <summary>An error without an answer of the service.</summary>
    public ComfyDeployException(string errorId, string message, Exception? innerException = null)
        : base(SafeText.Shorten(message, MaxLength), innerException) => ErrorId = errorId;

    /// <summary>The stable id, as listed in about_ComfyDeploy_Errors.</summary>
    public string ErrorId { get; }

    /// <summary>HTTP status of the answer; null when there was none.</summary>
    public int? StatusCode { get; internal set; }

    /// <summary>The answer's <c>X-Request-Id</c>, where it had one.</summary>
    public string? RequestId { get; internal set; }

    /// <summary>The pause the answer asked for.</summary>
    internal TimeSpan? RetryAfter { get; set; }

    /// <summary>Where to look for the run of a request whose outcome is unknown.</summary>
    internal (string DeploymentId, string After)? UnconfirmedRun { get; init; }
}
