using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>Creates PowerShell's error records. The error ID determines the category and the advice.</summary>
internal static class ErrorRecords
{
    internal static ErrorRecord Create(ComfyDeployException error, object? target)
    {
        ErrorRecord record = new(error, error.ErrorId, CategoryOf(error.ErrorId), target);
        string text = TextOf(error);
        string? advice = Advice(error.ErrorId);
        if (advice is not null || text != error.Message) record.ErrorDetails = new(text) { RecommendedAction = advice ?? string.Empty };
        return record;
    }

    /// <summary>The message, and the command that helps. The client does not know the commands.</summary>
    internal static string TextOf(ComfyDeployException error) => error switch
    {
        { UnconfirmedRun: { } run } =>
            $"{error.Message} Look for the run before you repeat it: Get-ComfyRun " +
                (run.DeploymentId is { } deployment ? $"-Deployment {deployment}" : $"-Workflow {run.WorkflowId}") +
                $" -After '{run.After}' -Full",
        { ErrorId: ErrorIds.ApiKeyRejected, StatusCode: not null } =>
            $"{error.Message} Provide a valid key with Connect-ComfyDeploy or COMFY_DEPLOY_API_KEY.",
        _ => error.Message,
    };

    internal static ErrorCategory CategoryOf(string errorId) => errorId switch
    {
        ErrorIds.NotConnected or ErrorIds.ApiKeyRejected => ErrorCategory.AuthenticationError,
        ErrorIds.InsecureBaseUri => ErrorCategory.SecurityError,
        ErrorIds.ConnectionFailed => ErrorCategory.ConnectionError,
        ErrorIds.RequestTimeout or ErrorIds.WaitTimeout => ErrorCategory.OperationTimeout,
        ErrorIds.FileTooLarge or ErrorIds.LimitReached or ErrorIds.ResponseTooLarge => ErrorCategory.LimitsExceeded,
        ErrorIds.ServiceError or ErrorIds.PollFailed => ErrorCategory.ResourceUnavailable,
        ErrorIds.NotSupportedByServer => ErrorCategory.NotImplemented,
        ErrorIds.ConnectionNotFound or ErrorIds.RunNotFound or ErrorIds.DeploymentNotFound or ErrorIds.WorkflowNotFound
            or ErrorIds.VersionNotFound or ErrorIds.MachineNotFound
            or ErrorIds.DeploymentUnknown or ErrorIds.FileNotFound or ErrorIds.NotFound => ErrorCategory.ObjectNotFound,
        ErrorIds.RunNotCancellable => ErrorCategory.InvalidOperation,
        ErrorIds.DownloadFailed => ErrorCategory.ReadError,
        ErrorIds.FileExists => ErrorCategory.ResourceExists,
        ErrorIds.ForeignOrigin => ErrorCategory.SecurityError,
        ErrorIds.AmbiguousCreate or ErrorIds.RunFailed or ErrorIds.NoRuns => ErrorCategory.InvalidResult,
        ErrorIds.PortInUse or ErrorIds.ManifestInUse => ErrorCategory.ResourceBusy,
        ErrorIds.ManifestUnwritable => ErrorCategory.WriteError,
        ErrorIds.SeedInvalid or ErrorIds.InputRowInvalid or ErrorIds.ManifestInvalid => ErrorCategory.InvalidData,
        _ => ErrorCategory.InvalidArgument,
    };

    private static string? Advice(string errorId) => errorId switch
    {
        ErrorIds.NotConnected => "Connect-ComfyDeploy -ApiKey (Get-Secret ComfyDeploy), or set COMFY_DEPLOY_API_KEY.",
        ErrorIds.ApiKeyRejected => "Create a new key in the dashboard, under API keys. Then use Connect-ComfyDeploy.",
        _ => null,
    };
}
