using System.Globalization;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy;

/// <summary>Errors with one wording everywhere. They state facts; the command that helps is added when the error is shown.</summary>
internal static class Errors
{
    /// <param name="run">Its name: the label, where it has one, and the ID.</param>
    /// <param name="connectionName">The connection that was asked.</param>
    /// <param name="cause">The answer.</param>
    internal static ComfyDeployException RunNotFound(string run, string connectionName, ComfyDeployException cause) =>
        From(cause, ErrorIds.RunNotFound, $"There is no run {run} on connection '{connectionName}'. {cause.Message}");

    internal static ComfyDeployException DeploymentNotFound(string deploymentId, string connectionName, ComfyDeployException cause) =>
        From(cause, ErrorIds.DeploymentNotFound,
            $"There is no deployment {deploymentId} on connection '{connectionName}', or the service cannot read it: {cause.Message}");

    internal static ComfyDeployException WorkflowNotFound(string workflowId, string connectionName, ComfyDeployException cause) =>
        From(cause, ErrorIds.WorkflowNotFound, $"There is no workflow {workflowId} on connection '{connectionName}'. {cause.Message}");

    internal static ComfyDeployException VersionNotFound(string versionId, string connectionName, ComfyDeployException cause) =>
        From(cause, ErrorIds.VersionNotFound,
            $"There is no workflow version {versionId} on connection '{connectionName}'. {cause.Message}");

    internal static ComfyDeployException RunNotCancellable(string run, string? status, string reason, ComfyDeployException cause) =>
        From(cause, ErrorIds.RunNotCancellable, $"Run {run} is {SafeText.Clean(status)} and cannot be cancelled: {reason}.");

    internal static ComfyDeployException UnknownStatus(string run, string? status) =>
        new(ErrorIds.ServiceError, $"The status '{SafeText.Clean(status)}' of run {run} is not known.");

    internal static ComfyDeployException StillRunning(string run, string? status) =>
        new(ErrorIds.WaitTimeout, status is null
            ? $"Run {run} was cancelled, but it cannot be read, so it may still be running."
            : $"Run {run} was cancelled and is still {SafeText.Clean(status)}.");

    /// <param name="run">Where its run would be.</param>
    /// <param name="name">The name of what was to run.</param>
    /// <param name="inputsJson">The inputs that were sent.</param>
    /// <param name="reason">Why the outcome is unknown.</param>
    /// <param name="cause">The error behind it, where there is one.</param>
    internal static ComfyDeployException AmbiguousCreate(
        UnconfirmedRun run, string name, string inputsJson, string reason, ComfyDeployException? cause)
    {
        string inputs = SafeText.Clean(SafeText.HideSignatures(inputsJson));
        return new(
            ErrorIds.AmbiguousCreate,
            $"It is not known whether {name} was queued with {inputs} at {run.After}: {reason} The request was not sent again.",
            cause)
        {
            UnconfirmedRun = run,
        };
    }

    internal static ComfyDeployException QueuedTooLate(TimeSpan timeout) =>
        new(ErrorIds.WaitTimeout, $"The timeout of {timeout:g} was over before all runs were queued. The rest was not queued.");

    /// <summary>The reason of rows that are left over; never written as an error.</summary>
    internal static ComfyDeployException NotNeeded(int count) =>
        new(ErrorIds.LimitReached, $"The wait has the {Plural.Of(count, "finished run")} it was to wait for.");

    internal static ComfyDeployException RequestTimeout(string request, TimeSpan timeout) =>
        new(ErrorIds.RequestTimeout, $"No answer to {request} within {timeout.TotalSeconds:0.#} s.");

    internal static ComfyDeployException ConnectionFailed(string host, string reason, Exception cause) =>
        new(ErrorIds.ConnectionFailed, $"The service at {host} cannot be reached: {reason}", cause);

    internal static ComfyDeployException ConnectionClosed(string connectionName) =>
        new(ErrorIds.NotConnected, $"The connection '{connectionName}' was closed before the request was sent.");

    internal static ComfyDeployException UnreadableAnswer(string request, Exception cause) => new(
        ErrorIds.ServiceError,
        $"The answer to {request} cannot be read: it is {(cause is JsonException ? "not the expected JSON" : "damaged")}.",
        cause);

    internal static ComfyDeployException NotQueuedInTime(string name) => new(
        ErrorIds.WaitTimeout,
        $"The time was up before {name} could be queued: a lost request was being looked for. No run was made.");

    internal static ComfyDeployException RefusedOnTheWay(ComfyDeployException cause) =>
        From(cause, ErrorIds.ServiceError, $"A gateway refused the request before it reached the service (HTTP {cause.StatusCode}).");

    internal static ComfyDeployException AnotherRun(string runId) =>
        new(ErrorIds.ServiceError, $"The service returned something else than run {runId}.");

    internal static ComfyDeployException OtherInputs(string runId) => new(ErrorIds.ServiceError,
        $"The service returned other inputs for run {runId} than the manifest has recorded. It was not restarted.");

    internal static ComfyDeployException ResponseTooLarge(string request, int limit) =>
        new(ErrorIds.ResponseTooLarge, $"The answer to {request} is larger than {limit / (1024 * 1024)} MB.");

    internal static ComfyDeployException FileNotFound(string path) => new(ErrorIds.FileNotFound, $"There is no file '{path}'.");

    internal static ComfyDeployException FileIsFolder(string path) => new(ErrorIds.FileNotFound, $"'{path}' is a folder, not a file.");

    internal static ComfyDeployException FileTypeNotSupported(string path) => new(
        ErrorIds.FileTypeNotSupported,
        $"The service does not accept '{path}': it refuses text files by the extension of their names. It accepts images, videos, audio, "
            + "archives, and extensions that it does not know.");

    internal static ComfyDeployException FileTooLarge(string path, long limit) => new(
        ErrorIds.FileTooLarge,
        string.Format(CultureInfo.InvariantCulture, "'{0}' is larger than {1} MiB ({2:N0} bytes), the service's limit.",
            path, limit / (1024 * 1024), limit));

    internal static ComfyDeployException FileUnreadable(string path, Exception cause) =>
        new(ErrorIds.InvalidInput, $"'{path}' cannot be read: {SafeText.Sentence(SafeText.Clean(cause.Message))}", cause);

    internal static ComfyDeployException FileChanged(string path) =>
        new(ErrorIds.InvalidInput, $"'{path}' changed while it was to be uploaded, and was not used.");

    internal static ComfyDeployException UploadWithoutLink(string path) =>
        new(ErrorIds.ServiceError, $"The answer to the upload of '{path}' contains no link to the file.");

    internal static ComfyDeployException ManifestInUse(string path, Exception cause) =>
        new(ErrorIds.ManifestInUse, $"Another process uses the manifest '{path}'.", cause);

    internal static ComfyDeployException RowInUse(string path) => new(
        ErrorIds.InvalidInput, $"Another command of this session is queueing this row with the manifest '{path}'.");

    internal static ComfyDeployException ManifestInvalid(string path, int line) =>
        new(ErrorIds.ManifestInvalid, $"Line {line} of '{path}' is damaged, or the file is not a manifest of this version.");

    internal static ComfyDeployException ManifestMismatch(string path, string theirs, string connectionName, string ours) => new(
        ErrorIds.ManifestMismatch,
        $"The manifest '{path}' belongs to {SafeText.Clean(theirs)}; connection '{connectionName}' is {SafeText.Clean(ours)}.");

    internal static ComfyDeployException ManifestUnwritable(string path, Exception cause) => new(
        ErrorIds.ManifestUnwritable,
        $"The manifest '{path}' cannot be written: {SafeText.Sentence(SafeText.Clean(cause.Message))}",
        cause);

    private static ComfyDeployException From(ComfyDeployException cause, string errorId, string message) =>
        new(errorId, message, cause) { StatusCode = cause.StatusCode, RequestId = cause.RequestId };
}
