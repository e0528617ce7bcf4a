namespace ComfyDeploy.Commands;

/// <summary>Where the service is, and which addresses a key may be sent to.</summary>
internal static class ServiceAddress
{
    internal static readonly Uri Default = new("https://api.comfydeploy.com/api");
    internal static readonly TimeSpan DefaultRequestTimeout = TimeSpan.FromSeconds(60);

    internal static bool TryParse(string? text, out Uri? address)
    {
        address = Default;
        return string.IsNullOrWhiteSpace(text) || (Uri.TryCreate(text, UriKind.Absolute, out address) && address.Scheme is "http" or "https");
    }

    /// <summary>Encrypted, or on this machine.</summary>
    internal static bool IsSafe(Uri address) => address.Scheme == Uri.UriSchemeHttps || address.IsLoopback;

    internal static ComfyDeployException Refusal(string text) =>
        new(ErrorIds.InvalidInput, $"'{text}' is not the address of a service. Give one such as {Default}.");

    internal static ComfyDeployException InsecureRefusal(Uri address) =>
        new(ErrorIds.InsecureBaseUri, $"{address} is not encrypted, so the key would be readable on the way. Use https, or Connect-ComfyDeploy -AllowInsecure if you trust the network.");
}
