using System.Management.Automation;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommunications.Disconnect, "ComfyDeploy"), OutputType(typeof(void))]
public sealed class DisconnectComfyDeployCommand : ComfyDeployCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [ConnectionArgument]
    [ArgumentCompleter(typeof(ConnectionCompleter))]
    public ComfyConnection[]? Connection { get; set; }

    protected override void ProcessRecord()
    {
        ComfyConnection[] wanted = Connection ?? (ConnectionStore.Default is { } current ? [current] : []);
        if (wanted.Length == 0) ReportOrEnd(new(ErrorIds.ConnectionNotFound, "There is no default connection to close."), null);
        foreach (ComfyConnection connection in wanted)
        {
            if (connection.IsUnresolved) ReportOrEnd(ConnectionArgumentAttribute.NotFound(connection.Name), connection.Name);
            else ConnectionStore.Remove(connection);
        }
    }
}
