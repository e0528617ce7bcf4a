using System.Security;

namespace ComfyDeploy.Commands;

/// <summary>Validates the service's URL and the API key.</summary>
internal static class ServiceAddress
{
    internal static readonly Uri Default = new("https://api.comfydeploy.com/api");
    internal static readonly TimeSpan DefaultRequestTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Why the address cannot be used: it is invalid, or neither encrypted nor on this computer.</summary>
    internal static ComfyDeployException? Fault(string? text, bool allowInsecure, out Uri address)
    {
        address = Default;
        if (string.IsNullOrWhiteSpace(text)) return null;
        if (text!.Contains('@'))
        {
            return new(ErrorIds.InvalidInput,
                "The address of the service must not contain a user name or password (the part before '@').");
        }
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? given) || given.Scheme is not ("http" or "https"))
        {
            return new(ErrorIds.InvalidInput,
                $"'{text}' is not a valid service address. Specify an absolute http or https URL such as {Default}.");
        }
        address = given;
        return allowInsecure || address.Scheme == Uri.UriSchemeHttps || address.IsLoopback
            ? null
            : new(ErrorIds.InsecureBaseUri, $"{address} is not encrypted, so the key would be sent in plain text. "
                + "Use https, or Connect-ComfyDeploy -AllowInsecure if you trust the network.");
    }

    /// <summary>Why the key cannot be sent in a request header.</summary>
    internal static ComfyDeployException? KeyFault(SecureString key) => key.CanBeSent() ? null
        : new(ErrorIds.ApiKeyRejected, "The API key is empty, or contains white space or an invalid character. Copy the key again.");

    /// <summary>The address as the target of an error, unless it has a password.</summary>
    internal static string? Target(string? text) => text?.Contains('@') == true ? null : text;
}
