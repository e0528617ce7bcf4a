using System.Security;

namespace ComfyDeploy;

/// <summary>An account on a service: immutable, holds the key but never shows it.</summary>
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

    /// <summary>The service's address, with its <c>/api</c> and without a slash at the end.</summary>
    public Uri BaseUri { get; }

    /// <summary>The user the key says it belongs to; null when the key does not tell.</summary>
    public string? UserId { get; }

    /// <summary>The organization the key says it belongs to; null for a personal key.</summary>
    public string? OrgId { get; }

    /// <summary>How long one request may take.</summary>
    public TimeSpan RequestTimeout { get; }

    /// <summary>The address as text, to append a path to: a URI without a path has a slash at the end all the same.</summary>
    internal string Address { get; }

    internal SecureString ApiKey { get; }

    internal bool IsClosed { get; private set; }

    /// <summary>Whether only a name was given and no connection has it.</summary>
    internal bool IsUnresolved { get; private init; }

    internal static ComfyConnection Unresolved(string name) =>
        new(name, new Uri("https://unresolved.invalid"), new SecureString(), default, TimeSpan.Zero) { IsUnresolved = true };

    /// <summary>Forgets the key.</summary>
    internal void Close()
    {
        IsClosed = true;
        ApiKey.Dispose();
    }

    /// <summary>Name and host, nothing of the key.</summary>
    public override string ToString() => $"{Name} ({BaseUri.Host})";
}
