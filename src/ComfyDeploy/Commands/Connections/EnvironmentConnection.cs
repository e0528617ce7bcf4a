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
        ComfyConnection? connection = Find(out ComfyDeployException? fault);
        if (fault is not null) cmdlet.ThrowTerminating(fault, ServiceAddress.Target(Address));
        return connection;
    }

    /// <summary>Null when no key is set or the variables cannot be used.</summary>
    internal static ComfyConnection? Find(out ComfyDeployException? fault)
    {
        fault = null;
        lock (Gate)
        {
            if (KeyText is not { } key) return null;
            string? address = Address;
            if (_current is { } known && known.Key == key && known.BaseUri == address) return known.Connection;
            SecureString secret = SecureStringText.Protect(key.Trim());
            fault = ServiceAddress.Fault(address, allowInsecure: false, out Uri baseUri) ?? ServiceAddress.KeyFault(secret);
            if (fault is not null) return null;
            ComfyConnection connection =
                new("environment", baseUri, secret, ApiKeyOwner.Read(secret), ServiceAddress.DefaultRequestTimeout);
            _current = (key, address, connection);
            return connection;
        }
    }
}
