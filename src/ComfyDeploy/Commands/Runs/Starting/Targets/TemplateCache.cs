namespace ComfyDeploy.Commands;

/// <summary>What the runs of one call run: each is looked up once, also when it is not found.</summary>
internal sealed class TemplateCache
{
    private readonly Dictionary<object, RunTemplate> _found = [];
    private readonly Dictionary<object, ComfyDeployException> _missing = [];

    /// <exception cref="ComfyDeployException">It cannot be found.</exception>
    internal RunTemplate Find(object key, Func<RunTemplate> read)
    {
        if (_missing.TryGetValue(key, out ComfyDeployException? known)) throw known;
        if (_found.TryGetValue(key, out RunTemplate? template)) return template;
        try
        {
            template = read();
        }
        catch (ComfyDeployException e) when (IsMissing(e))
        {
            _missing.Add(key, e);
            throw;
        }
        _found.Add(key, template);
        return template;
    }

    private static bool IsMissing(ComfyDeployException error) => error.ErrorId is ErrorIds.DeploymentNotFound
        or ErrorIds.DeploymentAmbiguous or ErrorIds.VersionNotFound or ErrorIds.WorkflowNotFound or ErrorIds.MachineNotFound;
}
