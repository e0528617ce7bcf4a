using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommon.Get, "ComfyDeployment", DefaultParameterSetName = NameSet), OutputType(typeof(ComfyDeployment))]
public sealed class GetComfyDeploymentCommand : ConnectedCommand
{
    private const string NameSet = "Name";
    private const string IdSet = "Id";
    private const string OfSet = "Of";

    private IReadOnlyDictionary<string, string?>? _machineNames;
    private readonly HashSet<string> _written = new(StringComparer.OrdinalIgnoreCase);

    [Parameter(ParameterSetName = NameSet, Position = 0)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DeploymentCompleter))]
    public string[] Name { get; set; } = ["*"];

    [Parameter(ParameterSetName = NameSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(EnvironmentCompleter))]
    public string[]? Environment { get; set; }

    [Parameter(ParameterSetName = NameSet)]
    [ValidateNotNullOrEmpty]
    [Reference(ReferenceKind.Workflow), ArgumentCompleter(typeof(WorkflowCompleter))]
    public ComfyReference[]? Workflow { get; set; }

    // Null is allowed, so that a run that does not tell its deployment gets our error and not the engine's.
    [Parameter(ParameterSetName = IdSet, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull, AllowEmptyCollection, AllowEmptyString]
    public string[]? DeploymentId { get; set; }

    /// <summary>The object the ID came with, for its connection.</summary>
    [Parameter(ParameterSetName = IdSet, ValueFromPipeline = true, DontShow = true)]
    public PSObject? IdSource { get; set; }

    [Parameter(ParameterSetName = OfSet, Mandatory = true, ValueFromPipeline = true)]
    public ComfyWorkflow? InputObject { get; set; }

    protected override void BeginProcessing()
    {
        if (KnownWords.Environments.Fault(nameof(Environment), Environment) is { } fault) ThrowTerminating(fault, Environment);
    }

    protected override void ProcessRecord()
    {
        try
        {
            switch (ParameterSetName)
            {
                case IdSet: WriteById(); break;
                case OfSet: WriteOf(InputObject!); break;
                default: WriteByName(); break;
            }
        }
        catch (ComfyDeployException e)
        {
            ReportOrEnd(e, InputObject);
        }
    }

    private void WriteOf(ComfyWorkflow workflow) =>
        Write(All(ClientOf(workflow.Connection)).Where(d => d.WorkflowId == workflow.WorkflowId));

    private IReadOnlyList<ComfyDeployment> All(ComfyDeployClient client) => Await(async token =>
    {
        IReadOnlyList<ComfyDeployment> all = await client.GetDeploymentsAsync(fresh: true, token).ConfigureAwait(false);
        return await NameMachinesAsync(client, all, token).ConfigureAwait(false);
    });

    /// <summary>The service leaves the machines' names out of most of its answers.</summary>
    private async Task<IReadOnlyList<ComfyDeployment>> NameMachinesAsync(
        ComfyDeployClient client, IReadOnlyList<ComfyDeployment> deployments, CancellationToken cancellationToken)
    {
        if (!deployments.Any(d => d is { MachineName: null, MachineId: not null })) return deployments;
        _machineNames ??= await client.GetMachineNamesAsync(cancellationToken).ConfigureAwait(false);
        foreach (ComfyDeployment deployment in deployments)
        {
            if (deployment.MachineId is not null && _machineNames.TryGetValue(deployment.MachineId, out string? name))
            {
                deployment.MachineName ??= name;
            }
        }
        return deployments;
    }

    private async Task<IReadOnlyList<ComfyDeployment>> ReadAsync(ComfyDeployClient client, string id, CancellationToken cancellationToken)
    {
        ComfyDeployment deployment = await client.GetDeploymentAsync(id, cancellationToken).ConfigureAwait(false);
        return await NameMachinesAsync(client, [deployment], cancellationToken).ConfigureAwait(false);
    }

    private void WriteByName()
    {
        IReadOnlyList<ComfyDeployment> all = All(Client);
        foreach (string name in Name)
        {
            ComfyDeployment[] found = [.. all.Where(IsWanted).Where(d =>
                DeploymentLookup.Matches(d, name) || string.Equals(d.DeploymentId, name, StringComparison.OrdinalIgnoreCase))];
            Write(found);
            if (found.Length == 0 && !new NamePattern(name).IsWildcard)
            {
                ReportOrEnd(DeploymentLookup.NotFound(Client, name, Environment is null ? null : string.Join(" or ", Environment), all),
                    name);
            }
        }
    }

    private bool IsWanted(ComfyDeployment deployment) =>
        (Environment is null || Environment.Contains(deployment.Environment, StringComparer.OrdinalIgnoreCase))
        && (Workflow is null || Workflow.Any(workflow => workflow.Equals(deployment.WorkflowId) || workflow.Equals(deployment.Name)));

    private void WriteById()
    {
        if (DeploymentId is not { Length: > 0 } ids || ids.All(string.IsNullOrEmpty))
        {
            ReportOrEnd(DeploymentLookup.Unknown(IdSource), null);
            return;
        }
        ComfyDeployClient client = ClientOf((IdSource?.BaseObject as IConnected)?.Connection);
        foreach (string id in ids)
        {
            if (!Guid.TryParse(id, out Guid guid))
            {
                string message = $"'{id}' is not a deployment ID. To find it by name: Get-ComfyDeployment {CommandLine.Quote(id)}";
                ReportOrEnd(new(ErrorIds.DeploymentNotFound, message), id);
                continue;
            }
            try
            {
                if (!_written.Contains(guid.ToString("D"))) Write(Await(token => ReadAsync(client, guid.ToString("D"), token)));
            }
            catch (ComfyDeployException e)
            {
                ReportOrEnd(e, id);
            }
        }
    }

    /// <summary>By name; a deployment named twice is written once.</summary>
    private void Write(IEnumerable<ComfyDeployment> deployments) =>
        WriteObject(DeploymentLookup.Sort(deployments.Where(d => _written.Add(d.DeploymentId))), enumerateCollection: true);
}
