using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>What one call of Start-ComfyRun runs: each deployment is looked up once, whatever the number of its rows.</summary>
internal sealed class RunTemplates(StartComfyRunCommand cmdlet)
{
    private readonly Dictionary<object, RunTemplate> _found = [];
    private readonly Dictionary<object, ComfyDeployException> _missing = [];
    private RunTemplate? _only;

    /// <summary>The template of what the parameters name.</summary>
    /// <exception cref="ComfyDeployException">It cannot be found.</exception>
    internal RunTemplate Find()
    {
        if (cmdlet.WorkflowVersion is null && cmdlet.WorkflowApi is null) return Find(cmdlet.Deployment);
        _only ??= ReadWithoutDeployment();
        return _only with { Client = cmdlet.ClientOf(_only.Subject.Connection) };
    }

    /// <summary>
    /// The template of a deployment, with a client for now: a connection may be closed, or opened again, between two rows.
    /// </summary>
    /// <exception cref="ComfyDeployException">The deployment cannot be found, or is ambiguous.</exception>
    internal RunTemplate Find(ComfyReference reference)
    {
        object key = (object?)reference.Object<ComfyDeployment>() ?? reference.Text;
        if (_missing.TryGetValue(key, out ComfyDeployException? known)) throw known;
        if (_found.TryGetValue(key, out RunTemplate? template))
        {
            return template with { Client = cmdlet.ClientOf(template.Subject.Connection) };
        }
        try
        {
            template = Read(reference);
        }
        catch (ComfyDeployException e) when (e.ErrorId is ErrorIds.DeploymentNotFound or ErrorIds.DeploymentAmbiguous)
        {
            _missing.Add(key, e);
            throw;
        }
        _found.Add(key, template);
        return template;
    }

    private RunTemplate Read(ComfyReference reference)
    {
        ComfyDeployClient client = cmdlet.ClientOf(reference.Object<ComfyDeployment>()?.Connection);
        ComfyDeployment deployment = cmdlet.Await(cancellationToken =>
            DeploymentLookup.FindOneAsync(client, reference, cmdlet.Environment, cancellationToken));
        string? gpu = cmdlet.Gpu;
        if (gpu is not null && deployment.Gpu is { } pinned && !string.Equals(pinned, gpu, StringComparison.OrdinalIgnoreCase))
        {
            cmdlet.Log.Warning($"{deployment.DeploymentName} is fixed to {pinned}; the service ignores -Gpu {gpu}.");
        }
        return NewTemplate(RunSubject.Of(deployment), client);
    }

    private RunTemplate ReadWithoutDeployment()
    {
        ComfyReference machine = cmdlet.Machine!;
        if (cmdlet.WorkflowVersion is { } version)
        {
            ComfyDeployClient account = cmdlet.ClientOf(ConnectionOf(version) ?? ConnectionOf(machine));
            return NewTemplate(cmdlet.Await(token => SubjectLookup.OfVersionAsync(account, version, machine, token)), account);
        }
        ApiGraph graph = ApiGraph.Read(cmdlet.FileSystemPathOrNull(cmdlet.WorkflowApi!) ?? throw Errors.FileNotFound(cmdlet.WorkflowApi!));
        ComfyReference workflow = cmdlet.Workflow!;
        ComfyDeployClient client = cmdlet.ClientOf(ConnectionOf(workflow) ?? ConnectionOf(machine));
        return NewTemplate(cmdlet.Await(token => SubjectLookup.OfGraphAsync(client, graph, workflow, machine, token)), client);
    }

    private RunTemplate NewTemplate(RunSubject subject, ComfyDeployClient client) =>
        new(subject, client, cmdlet.Gpu, cmdlet.Webhook, cmdlet.WebhookIntermediateStatus);

    private static ComfyConnection? ConnectionOf(ComfyReference reference) =>
        reference.Object<IComfyRunSource>()?.Connection ?? reference.Object<IConnected>()?.Connection;
}
