using System.Net;

namespace ComfyDeploy.Client;

/// <summary>What the failure of a connection test means, in one word.</summary>
internal static class ConnectionResult
{
    internal static string Of(ComfyDeployException error) => error switch
    {
        { StatusCode: 407 } => "Proxy",
        { InnerException: { } cause } when IsProxy(cause) => "Proxy",
        { StatusCode: 403 } => "Forbidden",
        { ErrorId: ErrorIds.ApiKeyRejected } => "BadKey",
        { ErrorId: ErrorIds.NotSupportedByServer } or { StatusCode: >= 300 and < 500 } => "WrongBaseUri",
        // An answer that is not JSON does not come from the service.
        { ErrorId: ErrorIds.ServiceError, StatusCode: null } => "WrongBaseUri",
        _ => "Unreachable",
    };

    private static bool IsProxy(Exception cause) =>
        cause.GetBaseException() is WebException { Status: WebExceptionStatus.ProxyNameResolutionFailure }
            || cause.Message.Contains("proxy");
}
