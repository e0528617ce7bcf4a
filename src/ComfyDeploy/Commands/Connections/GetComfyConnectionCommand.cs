using System.Management.Automation;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommon.Get, "ComfyConnection"), OutputType(typeof(ComfyConnection))]
public sealed class GetComfyConnectionCommand : ComfyDeployCommand
{
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ConnectionCompleter))]
    public string[] Name { get; set; } = ["*"];

    protected override void ProcessRecord()
    {
        IReadOnlyList<ComfyConnection> open = ConnectionStore.List();
        foreach (string name in Name)
        {
            NamePattern pattern = new(name);
            ComfyConnection[] found = [.. open.Where(connection => pattern.Matches(connection.Name))];
            WriteObject(found, enumerateCollection: true);
            if (found.Length == 0 && !pattern.IsWildcard) ReportOrEnd(ConnectionArgumentAttribute.NotFound(name), name);
        }
    }
}
