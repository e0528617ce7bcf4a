using ComfyDeploy.Text;

namespace ComfyDeploy;

/// <summary>A failed call: the service's message, the HTTP status, and the stable error ID.</summary>
public sealed class ComfyDeployException : Exception
{
    // The service may return an ID of megabytes, and most messages contain some of its text.
    private const int MaxLength = 3000;

    /// <summary>Creates an error without a response from the service.</summary>
    public ComfyDeployException(string errorId, string message, Exception? innerException = null)
        : base(SafeText.Shorten(message, MaxLength), innerException) => ErrorId = errorId;

    /// <summary>The stable ID, as listed in about_ComfyDeploy_Errors.</summary>
    public string ErrorId { get; }

    /// <summary>HTTP status of the response; null when there was none.</summary>
    public int? StatusCode { get; internal set; }

    /// <summary>The <c>X-Request-Id</c> of the response; null when it had none.</summary>
    public string? RequestId { get; internal init; }

    /// <summary>Whether the response is not in the service's own form, so that a gateway in front of it may have written it.</summary>
    internal bool IsForeign { get; init; }

    /// <summary>The pause that the response requested.</summary>
    internal TimeSpan? RetryAfter { get; set; }

    /// <summary>The same error with more text.</summary>
    internal ComfyDeployException With(string after = "", string before = "") => new(ErrorId, before + Message + after, InnerException)
    {
        StatusCode = StatusCode,
        RequestId = RequestId,
    };

    /// <summary>Where to look for the run of a request whose outcome is unknown.</summary>
    internal UnconfirmedRun? UnconfirmedRun { get; init; }
}
