using System.Collections.Concurrent;

namespace ComfyDeploy.Commands;

/// <summary>What refused a run of one call and refuses later ones too, which are then not sent. Known to all creates under way.</summary>
/// <param name="isOneDeployment">Whether all rows are for the same deployment.</param>
internal sealed class RunRefusals(bool isOneDeployment)
{
    private readonly ConcurrentDictionary<string, ComfyDeployException> _byDeployment = new();
    private volatile ComfyDeployException? _ofAll;

    /// <summary>What refuses every run from now on.</summary>
    internal ComfyDeployException? OfAll => _ofAll;

    /// <summary>Whether a create may have made a run that is paid for.</summary>
    internal bool IsOneUnconfirmed { get; private set; }

    /// <summary>What refuses the runs of a deployment.</summary>
    internal ComfyDeployException? Of(ComfyDeployment deployment) =>
        _ofAll ?? (_byDeployment.TryGetValue(deployment.DeploymentId, out ComfyDeployException? error) ? error : null);

    /// <summary>Takes note of an error that concerns more than its own run.</summary>
    internal void Add(ComfyDeployException error, ComfyDeployment? deployment)
    {
        if (error.ErrorId == ErrorIds.AmbiguousCreate) IsOneUnconfirmed = true;
        if (ConcernsAll(error)) _ofAll ??= error;
        else if (error.ErrorId == ErrorIds.DeploymentNotFound && deployment is not null)
            _byDeployment.TryAdd(deployment.DeploymentId, error);
    }

    internal void AddForAll(ComfyDeployException error) => _ofAll ??= error;

    internal bool ConcernsAll(ComfyDeployException error) =>
        error.ErrorId == ErrorIds.ApiKeyRejected
        || (error.ErrorId == ErrorIds.DeploymentNotFound && isOneDeployment)
        || (error.ErrorId == ErrorIds.LimitReached && error.StatusCode is 402 or 403);
}
