namespace ComfyDeploy;

/// <summary>The registry of error IDs. They are stable: scripts test for them. Each is explained in about_ComfyDeploy_Errors.</summary>
internal static class ErrorIds
{
    internal const string AmbiguousCreate = nameof(AmbiguousCreate);
    internal const string ApiKeyRejected = nameof(ApiKeyRejected);
    internal const string BodyNeedsMethod = nameof(BodyNeedsMethod);
    internal const string ConnectionFailed = nameof(ConnectionFailed);
    internal const string ConnectionNotFound = nameof(ConnectionNotFound);
    internal const string DeploymentAmbiguous = nameof(DeploymentAmbiguous);
    internal const string DeploymentNotFound = nameof(DeploymentNotFound);
    internal const string DeploymentUnknown = nameof(DeploymentUnknown);
    internal const string DownloadFailed = nameof(DownloadFailed);
    internal const string FaultInvalid = nameof(FaultInvalid);
    internal const string FileExists = nameof(FileExists);
    internal const string FileNotFound = nameof(FileNotFound);
    internal const string FileTooLarge = nameof(FileTooLarge);
    internal const string FileTypeNotSupported = nameof(FileTypeNotSupported);
    internal const string ForeignOrigin = nameof(ForeignOrigin);
    internal const string InputExpired = nameof(InputExpired);
    internal const string InputRowInvalid = nameof(InputRowInvalid);
    internal const string InsecureBaseUri = nameof(InsecureBaseUri);
    internal const string InvalidInput = nameof(InvalidInput);
    internal const string LimitReached = nameof(LimitReached);
    internal const string MachineNotFound = nameof(MachineNotFound);
    internal const string ManifestInUse = nameof(ManifestInUse);
    internal const string ManifestInvalid = nameof(ManifestInvalid);
    internal const string ManifestMismatch = nameof(ManifestMismatch);
    internal const string ManifestUnwritable = nameof(ManifestUnwritable);
    internal const string NoRuns = nameof(NoRuns);
    internal const string NotConnected = nameof(NotConnected);
    internal const string NotFound = nameof(NotFound);
    internal const string NotSupportedByServer = nameof(NotSupportedByServer);
    internal const string ParametersConflict = nameof(ParametersConflict);
    internal const string PollFailed = nameof(PollFailed);
    internal const string PortInUse = nameof(PortInUse);
    internal const string RequestTimeout = nameof(RequestTimeout);
    internal const string ResponseTooLarge = nameof(ResponseTooLarge);
    internal const string RunFailed = nameof(RunFailed);
    internal const string RunIdInvalid = nameof(RunIdInvalid);
    internal const string RunNotCancellable = nameof(RunNotCancellable);
    internal const string RunNotFound = nameof(RunNotFound);
    internal const string SeedInvalid = nameof(SeedInvalid);
    internal const string ServiceError = nameof(ServiceError);
    internal const string UnknownInput = nameof(UnknownInput);
    internal const string VersionNotFound = nameof(VersionNotFound);
    internal const string WaitTimeout = nameof(WaitTimeout);
    internal const string WorkflowNotFound = nameof(WorkflowNotFound);
}
