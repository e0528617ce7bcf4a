using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>The deployments that one call of Start-ComfyRun runs: each is looked up once, whatever the number of its rows.</summary>
internal sealed class RunTemplates(StartComfyRunCommand cmdlet)
{
    private readonly Dictionary<object, RunTemplate> _found = [];
    private readonly Dictionary<object, ComfyDeployException> _missing = [];

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
            return template with { Client = cmdlet.ClientOf(template.Deployment.Connection) };
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
        return new(deployment, client, gpu, cmdlet.Webhook, cmdlet.WebhookIntermediateStatus);
    }
}
