using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>A cmdlet that talks to the service.</summary>
public abstract class ConnectedCommand : ComfyDeployCommand
{
    private ComfyConnection? _default;

    /// <summary>The connection to use.</summary>
    [Parameter]
    [ValidateNotNull]
    [ConnectionArgument]
    [ArgumentCompleter(typeof(ConnectionCompleter))]
    public virtual ComfyConnection? Connection { get; set; }

    /// <summary>The connection for input that has none of its own.</summary>
    private protected ComfyConnection DefaultConnection => Connection is { IsUnresolved: false } given ? given : _default ??= Resolve();

    internal ComfyDeployClient Client => ClientFor(DefaultConnection);

    /// <summary>The client of the connection named by the parameter, else of the object's, else of the default.</summary>
    internal ComfyDeployClient ClientOf(ComfyConnection? carried, string? nameInRow = null)
    {
        if (Connection is null && carried is not null) return ClientFor(carried.IsClosed ? Reopened(carried) : carried);
        WarnOfOtherConnection(nameInRow, DefaultConnection);
        return Client;
    }

    /// <summary>The open connection that replaced a closed one.</summary>
    private static ComfyConnection Reopened(ComfyConnection closed) =>
        ConnectionStore.Find(closed.Name) is { } open && open.BaseUri == closed.BaseUri ? open : closed;

    /// <summary>The client of the connection a run belongs to.</summary>
    internal ComfyDeployClient RunClient(ComfyReference reference)
    {
        IConnected? given = reference.Object<IConnected>();
        return ClientOf(given?.Connection, given is null ? reference.Property(nameof(ComfyRun.ConnectionName)) : null);
    }

    private ComfyConnection Resolve()
    {
        if (Connection is not null) ThrowTerminating(ConnectionArgumentAttribute.NotFound(Connection.Name), Connection.Name);
        ComfyConnection? connection = ConnectionStore.Default ?? EnvironmentConnection.GetOrEnd(this);
        if (connection is null)
        {
            string? open = ConnectionArgumentAttribute.OpenConnections();
            string message = open is null
                ? "Not connected. Use Connect-ComfyDeploy, give -Connection, or set the environment variable "
                    + $"{EnvironmentConnection.KeyVariable}."
                : $"Not connected: there is no default connection. {open} Connect-ComfyDeploy without -Name makes a default connection.";
            ThrowTerminating(new(ErrorIds.NotConnected, message), null);
        }
        return connection;
    }
}
