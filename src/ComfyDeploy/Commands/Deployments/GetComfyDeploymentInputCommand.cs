using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommon.Get, "ComfyDeploymentInput"), OutputType(typeof(ComfyDeploymentInput))]
public sealed class GetComfyDeploymentInputCommand : ConnectedCommand
{
    private readonly HashSet<ComfyReference> _asked = [];
    private readonly HashSet<string> _written = new(StringComparer.OrdinalIgnoreCase);

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [Reference(ReferenceKind.Deployment)]
    [ArgumentCompleter(typeof(DeploymentCompleter))]
    public ComfyReference[] Deployment { get; set; } = [];

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(EnvironmentCompleter))]
    public string? Environment { get; set; }

    protected override void BeginProcessing()
    {
        if (Environment is not null && KnownWords.Environments.Fault(nameof(Environment), [Environment]) is { } fault)
        {
            ThrowTerminating(fault, Environment);
        }
    }

    protected override void ProcessRecord()
    {
        // Many runs of one deployment may be piped: each deployment is read and written once.
        foreach (ComfyReference reference in Deployment.Where(_asked.Add))
        {
            try
            {
                ComfyDeployClient client = RunClient(reference);
                ComfyDeployment deployment = Await(cancellationToken =>
                    DeploymentLookup.FindOneAsync(client, reference, Environment, cancellationToken));
                if (_written.Add(deployment.DeploymentId)) Write(deployment);
            }
            catch (ComfyDeployException e)
            {
                ReportOrEnd(e, reference.Text);
            }
        }
    }

    private void Write(ComfyDeployment deployment)
    {
        if (deployment.Inputs is { } inputs) WriteObject(inputs, enumerateCollection: true);
        else Log.Warning($"The service does not say which inputs {deployment.DeploymentName} takes: they are not checked before a run.");
    }
}
