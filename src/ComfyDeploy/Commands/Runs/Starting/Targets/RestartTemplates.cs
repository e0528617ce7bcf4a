using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>What runs that are started again run: their deployment or another one, or their version on their machine.</summary>
internal sealed class RestartTemplates(RestartComfyRunCommand cmdlet)
{
    private readonly TemplateCache _known = new();

    /// <summary>Whether the run says what it ran: a list has no machine, and a run read by its ID has no deployment.</summary>
    internal bool IsKnown(ComfyRun run) => cmdlet.Deployment is not null || run.DeploymentId is not null || run.DeploymentName is not null
        || run is { WorkflowVersionId: not null, MachineId: not null };

    /// <exception cref="ComfyDeployException">It is not known, or cannot be found.</exception>
    internal RunTemplate Find(ComfyRun run, ComfyDeployClient client) =>
        TargetOf(run, client) with { Earlier = run };

    private RunTemplate TargetOf(ComfyRun run, ComfyDeployClient client)
    {
        if (cmdlet.Deployment is { } given)
        {
            ComfyConnection? own = given.Object<ComfyDeployment>()?.Connection;
            return OfDeployment(given, own is null ? client : cmdlet.ClientOf(own));
        }
        if ((run.DeploymentId ?? run.DeploymentName) is { } name) return OfDeployment(new(name), client);
        return run is { WorkflowVersionId: { } version, MachineId: { } machine }
            ? OfVersion(version, machine, client) with { RequestedGpu = cmdlet.Gpu ?? run.Gpu }
            : throw new ComfyDeployException(ErrorIds.DeploymentUnknown,
                $"{(run.RunId is null ? "The row" : $"Run {run.RunId}")} does not say which deployment it belongs to. "
                    + "Specify -Deployment.");
    }

    private RunTemplate OfDeployment(ComfyReference deployment, ComfyDeployClient client) =>
        Find((client.Session, deployment.Text), client, () => RunSubject.Of(cmdlet.FindDeployment(client, deployment, environment: null)));

    private RunTemplate OfVersion(string version, string machine, ComfyDeployClient client) =>
        Find((client.Session, version, machine), client, () => cmdlet.Await(cancellationToken =>
            SubjectLookup.OfVersionAsync(client, new(version), new(machine), cancellationToken)));

    private RunTemplate Find(object key, ComfyDeployClient client, Func<RunSubject> find)
    {
        RunTemplate template = _known.Find(key, () => new(find(), client, cmdlet.Gpu, Webhook: null, WebhookIntermediateStatus: false));
        return template with { Client = client };
    }
}
