using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Separates failures before a request was sent from those after which its outcome is unknown.</summary>
internal static class ConnectionFailures
{
    private static readonly HashSet<SocketError> NothingSent =
    [
        SocketError.ConnectionRefused, SocketError.HostNotFound, SocketError.TryAgain, SocketError.NoData,
        SocketError.HostUnreachable, SocketError.NetworkUnreachable, SocketError.NetworkDown,
    ];

    private static readonly HashSet<WebExceptionStatus> NothingSentOnDesktop =
    [
        WebExceptionStatus.NameResolutionFailure, WebExceptionStatus.ProxyNameResolutionFailure, WebExceptionStatus.ConnectFailure,
        WebExceptionStatus.TrustFailure, WebExceptionStatus.SecureChannelFailure,
    ];

    /// <summary>True only where no byte of the request can have arrived: refused, name not found, unreachable, no TLS.</summary>
    internal static bool NotSent(Exception failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            // The connection was open: the same socket errors now come from reading or writing.
            if (e is IOException) return false;
            if (e is AuthenticationException) return true;
            if (e is SocketException socket && NothingSent.Contains(socket.SocketErrorCode)) return true;
            if (e is WebException web && NothingSentOnDesktop.Contains(web.Status)) return true;
        }
        return false;
    }

    internal static string Describe(Exception failure) => SafeText.Sentence(SafeText.Clean(failure.GetBaseException().Message));
}
