using System.Management.Automation;
using System.Security;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>A cmdlet that talks to the service.</summary>
public abstract class ConnectedCommand : ComfyDeployCommand
{
    internal const string KeyVariable = "COMFY_DEPLOY_API_KEY";
    internal const string BaseUriVariable = "COMFY_DEPLOY_BASE_URI";

    private static readonly object Gate = new();
    private static (string Key, string? BaseUri, ComfyConnection Connection)? _environment;

    private ComfyConnection? _default;

    /// <summary>The account to ask.</summary>
    [Parameter]
    [ValidateNotNull]
    [ConnectionArgument]
    [ArgumentCompleter(typeof(ConnectionCompleter))]
    public virtual ComfyConnection? Connection { get; set; }

    /// <summary>The connection when nothing piped in has one of its own.</summary>
    private protected ComfyConnection DefaultConnection => Connection is { IsUnresolved: false } given ? given : _default ??= Resolve();

    internal ComfyDeployClient Client => ClientFor(DefaultConnection);

    /// <summary>Named by the parameter, else carried by the object, else the default.</summary>
    internal ComfyDeployClient ClientOf(ComfyConnection? carried, string? nameInRow = null)
    {
        if (Connection is null && carried is not null) return ClientFor(carried.IsClosed ? Reopened(carried) : carried);
        WarnOfOtherConnection(nameInRow, DefaultConnection);
        return Client;
    }

    /// <summary>The connection that has taken the place of a closed one.</summary>
    private static ComfyConnection Reopened(ComfyConnection closed) => ConnectionStore.Find(closed.Name) is { } open && open.BaseUri == closed.BaseUri ? open : closed;

    /// <summary>The account a run is in.</summary>
    internal ComfyDeployClient RunClient(ComfyReference reference)
    {
        IConnected? given = reference.Object<IConnected>();
        return ClientOf(given?.Connection, given is null ? reference.Property(nameof(ComfyRun.ConnectionName)) : null);
    }

    private ComfyConnection Resolve()
    {
        ComfyConnection? connection = Connection is not null ? FailUnknown(Connection.Name) : ConnectionStore.Default ?? FromEnvironment();
        if (connection is null)
        {
            ThrowTerminating(new(ErrorIds.NotConnected, $"Not connected. Use Connect-ComfyDeploy, give -Connection, or set the environment variable {KeyVariable}."), null);
        }
        return connection!;
    }

    private ComfyConnection? FailUnknown(string name)
    {
        ThrowTerminating(ConnectionArgumentAttribute.NotFound(name), name);
        return null;
    }

    internal static ComfyDeployException UnsendableKey() =>
        new(ErrorIds.ApiKeyRejected, "The API key is empty or has a blank, a line break or a letter in it that no key has. Copy it again, whole and alone.");

    /// <summary>The connection of the environment's key; the same one as long as the variables stay.</summary>
    internal ComfyConnection? FromEnvironment()
    {
        string? key = Environment.GetEnvironmentVariable(KeyVariable);
        if (string.IsNullOrWhiteSpace(key)) return null;
        string? address = Environment.GetEnvironmentVariable(BaseUriVariable);
        lock (Gate)
        {
            if (_environment is { } known && known.Key == key && known.BaseUri == address) return known.Connection;
            if (!ServiceAddress.TryParse(address, out Uri? baseUri)) ThrowTerminating(ServiceAddress.Refusal(address!), address);
            if (!ServiceAddress.IsSafe(baseUri!)) ThrowTerminating(ServiceAddress.InsecureRefusal(baseUri!), baseUri);
            SecureString secret = SecureStringText.Protect(key!.Trim());
            if (!secret.CanBeSent()) ThrowTerminating(UnsendableKey(), baseUri);
            ComfyConnection connection = new("environment", baseUri!, secret, ApiKeyOwner.Read(secret), ServiceAddress.DefaultRequestTimeout);
            _environment = (key, address, connection);
            return connection;
        }
    }
}
