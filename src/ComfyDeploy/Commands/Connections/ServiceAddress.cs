using System.Security;

namespace ComfyDeploy.Commands;

/// <summary>Validates the service's URL and the API key.</summary>
internal static class ServiceAddress
{
    internal static readonly Uri Default = new("https://api.comfydeploy.com/api");
    internal static readonly TimeSpan DefaultRequestTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Ends the cmdlet when the address is invalid, or neither encrypted nor on this computer.</summary>
    internal static Uri ParseOrEnd(ComfyDeployCommand cmdlet, string? text, bool allowInsecure)
    {
        if (string.IsNullOrWhiteSpace(text)) return Default;
        if (text!.Contains('@'))
        {
            const string Message = "The address of the service must not contain a user name or password (the part before '@').";
            // Without the address as target: the password would be in the error record.
            cmdlet.ThrowTerminating(new(ErrorIds.InvalidInput, Message), null);
        }
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https"))
        {
            string message = $"'{text}' is not a valid service address. Specify an absolute http or https URL such as {Default}.";
            cmdlet.ThrowTerminating(new(ErrorIds.InvalidInput, message), text);
        }
        if (!allowInsecure && address.Scheme != Uri.UriSchemeHttps && !address.IsLoopback)
        {
            cmdlet.ThrowTerminating(
                new(ErrorIds.InsecureBaseUri, $"{address} is not encrypted, so the key would be sent in plain text. "
                    + "Use https, or Connect-ComfyDeploy -AllowInsecure if you trust the network."),
                address);
        }
        return address;
    }

    /// <summary>Ends the cmdlet when the key cannot be sent in a request header.</summary>
    internal static void CheckKeyOrEnd(ComfyDeployCommand cmdlet, SecureString key, Uri baseUri)
    {
        if (key.CanBeSent()) return;
        const string Message = "The API key is empty, or contains white space or an invalid character. Copy the key again.";
        cmdlet.ThrowTerminating(new(ErrorIds.ApiKeyRejected, Message), baseUri);
    }
}
