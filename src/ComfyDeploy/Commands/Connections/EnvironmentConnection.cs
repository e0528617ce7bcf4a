using System.Security;

namespace ComfyDeploy.Commands;

/// <summary>The connection defined by the environment variables; the same object until they change.</summary>
internal static class EnvironmentConnection
{
    internal const string KeyVariable = "COMFY_DEPLOY_API_KEY";
    internal const string BaseUriVariable = "COMFY_DEPLOY_BASE_URI";

    private static readonly object Gate = new();
    private static (string Key, string? BaseUri, ComfyConnection Connection)? _current;

    internal static string? Address => Environment.GetEnvironmentVariable(BaseUriVariable);

    internal static SecureString? Key => KeyText is { } key ? SecureStringText.Protect(key.Trim()) : null;

    private static string? KeyText =>
        Environment.GetEnvironmentVariable(KeyVariable) is { } key && !string.IsNullOrWhiteSpace(key) ? key : null;

    /// <summary>Ends the cmdlet when the variables cannot be used; null when no key is set.</summary>
    internal static ComfyConnection? GetOrEnd(ComfyDeployCommand cmdlet)
    {
        lock (Gate)
        {
            if (KeyText is not { } key) return null;
            string? address = Address;
            if (_current is { } known && known.Key == key && known.BaseUri == address) return known.Connection;
            Uri baseUri = ServiceAddress.ParseOrEnd(cmdlet, address, allowInsecure: false);
            SecureString secret = SecureStringText.Protect(key.Trim());
            ServiceAddress.CheckKeyOrEnd(cmdlet, secret, baseUri);
            ComfyConnection connection =
                new("environment", baseUri, secret, ApiKeyOwner.Read(secret), ServiceAddress.DefaultRequestTimeout);
            _current = (key, address, connection);
            return connection;
        }
    }
}
