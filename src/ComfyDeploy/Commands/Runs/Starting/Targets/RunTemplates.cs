using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>What one call of Start-ComfyRun runs: each deployment is looked up once, whatever the number of its rows.</summary>
internal sealed class RunTemplates(StartComfyRunCommand cmdlet)
{
    private readonly TemplateCache _known = new();
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
        RunTemplate template = _known.Find(key, () => Read(reference));
        return template with { Client = cmdlet.ClientOf(template.Subject.Connection) };
    }

    private RunTemplate Read(ComfyReference reference)
    {
        ComfyDeployClient client = cmdlet.ClientOf(reference.Object<ComfyDeployment>()?.Connection);
        return NewTemplate(RunSubject.Of(cmdlet.FindDeployment(client, reference, cmdlet.Environment)), client);
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
