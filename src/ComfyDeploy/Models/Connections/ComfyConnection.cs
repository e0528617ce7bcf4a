using System.Security;

namespace ComfyDeploy;

/// <summary>A connection to an account on a service. Holds the key but never shows it.</summary>
public sealed class ComfyConnection
{
    internal ComfyConnection(string name, Uri baseUri, SecureString apiKey, ApiKeyOwner owner, TimeSpan requestTimeout)
    {
        Name = name;
        Address = baseUri.AbsoluteUri.TrimEnd('/');
        BaseUri = new(Address);
        ApiKey = apiKey;
        UserId = owner.UserId;
        OrgId = owner.OrgId;
        RequestTimeout = requestTimeout;
    }

    /// <summary>Name to give to <c>-Connection</c>.</summary>
    public string Name { get; }

    /// <summary>Whether cmdlets of this session use it when none is named.</summary>
    public bool IsDefault => ReferenceEquals(ConnectionStore.Default, this);

    /// <summary>The service's URL, including <c>/api</c> and without a trailing slash.</summary>
    public Uri BaseUri { get; }

    /// <summary>The user the key belongs to; null when the key does not contain it.</summary>
    public string? UserId { get; }

    /// <summary>The organization the key belongs to; null for a personal key.</summary>
    public string? OrgId { get; }

    /// <summary>The timeout of one request.</summary>
    public TimeSpan RequestTimeout { get; }

    /// <summary>The URL as text, to append a path to: a Uri without a path always has a trailing slash.</summary>
    internal string Address { get; }

    internal SecureString ApiKey { get; }

    internal bool IsClosed { get; private set; }

    /// <summary>Whether only a name was given and no connection has it.</summary>
    internal bool IsUnresolved { get; private init; }

    internal static ComfyConnection Unresolved(string name) =>
        new(name, new Uri("https://unresolved.invalid"), new SecureString(), default, TimeSpan.Zero) { IsUnresolved = true };

    /// <summary>Closes the connection and disposes the key.</summary>
    internal void Close()
    {
        IsClosed = true;
        ApiKey.Dispose();
    }

    /// <summary>Name and host, nothing of the key.</summary>
    public override string ToString() => $"{Name} ({BaseUri.Host})";
}
