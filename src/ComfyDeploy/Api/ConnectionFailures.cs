using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace ComfyDeploy.Api;

/// <summary>Tells failures that surely happened before a request was carried from those after which nobody knows.</summary>
internal static class ConnectionFailures
{
    /// <summary>True only where no byte of the request can have reached the service: refused, name not found, unreachable, no TLS.</summary>
    internal static bool SurelyNotSent(Exception failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                // The connection was there: the same socket errors now come from reading or writing.
                case IOException:
                    return false;
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused or SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData
                    or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown }:
                case AuthenticationException:
                case WebException { Status: WebExceptionStatus.NameResolutionFailure or WebExceptionStatus.ConnectFailure or WebExceptionStatus.TrustFailure
                    or WebExceptionStatus.SecureChannelFailure or WebExceptionStatus.ProxyNameResolutionFailure }:
                    return true;
            }
        }
        return false;
    }

    internal static string Describe(Exception failure) => SafeText.Clean(failure.GetBaseException().Message);
}
