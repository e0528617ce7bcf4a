using System.Management.Automation.Runspaces;

namespace ComfyDeploy;

/// <summary>
/// The connections of this process. The runspace that connects first owns the process default, so that parallel runspaces need no
/// connection of their own; a connection made in another runspace is visible in that one only, so that two tenants in one process
/// cannot cross.
/// </summary>
internal static class ConnectionStore
{
    private static readonly object Gate = new();
    private static readonly List<(Guid Runspace, ComfyConnection Connection)> Connections = [];
    private static readonly Dictionary<Guid, ComfyConnection> Defaults = [];
    private static WeakReference<Runspace>? _owner;

    private static Guid Current => Runspace.DefaultRunspace?.InstanceId ?? Guid.Empty;

    /// <summary>What a cmdlet of this runspace uses when no connection is named.</summary>
    internal static ComfyConnection? Default
    {
        get
        {
            lock (Gate)
            {
                if (Defaults.TryGetValue(Current, out ComfyConnection? own)) return own;
                return Owner is { } owner && Defaults.TryGetValue(owner, out ComfyConnection? shared) ? shared : null;
            }
        }
    }

    /// <summary>The runspace whose connections others may use; none once it is closed.</summary>
    private static Guid? Owner =>
        _owner is not null && _owner.TryGetTarget(out Runspace? runspace) && runspace.RunspaceStateInfo.State == RunspaceState.Opened
            ? runspace.InstanceId
            : null;

    /// <summary>A connection of the same name in this runspace is replaced.</summary>
    internal static void Add(ComfyConnection connection, bool makeDefault)
    {
        lock (Gate)
        {
            Forget(c => c.Runspace == Current && string.Equals(c.Connection.Name, connection.Name, StringComparison.OrdinalIgnoreCase));
            Connections.Add((Current, connection));
            if (!makeDefault && Default is not null) return;
            Defaults[Current] = connection;
            if (Owner is null && Runspace.DefaultRunspace is { } runspace) _owner = new(runspace);
        }
    }

    /// <summary>The connections this runspace can use: its own and those of the owner of the process default.</summary>
    internal static IReadOnlyList<ComfyConnection> List()
    {
        lock (Gate)
        {
            return [.. Connections.Where(c => c.Runspace == Current)
                .Concat(Connections.Where(c => c.Runspace != Current && c.Runspace == Owner)).Select(c => c.Connection)];
        }
    }

    internal static ComfyConnection? Find(string name) =>
        List().FirstOrDefault(c => string.Equals(c.Name, name, StringComparison.OrdinalIgnoreCase));

    internal static void Remove(ComfyConnection connection)
    {
        lock (Gate)
        {
            Forget(c => ReferenceEquals(c.Connection, connection));
        }
        connection.Close();
    }

    private static void Forget(Predicate<(Guid Runspace, ComfyConnection Connection)> match)
    {
        foreach (var (runspace, connection) in Connections.FindAll(match))
        {
            if (Defaults.TryGetValue(runspace, out ComfyConnection? current) && ReferenceEquals(current, connection))
            {
                Defaults.Remove(runspace);
            }
        }
        Connections.RemoveAll(match);
    }
}
