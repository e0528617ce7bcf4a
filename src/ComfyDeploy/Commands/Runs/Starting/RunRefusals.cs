using System.Collections.Concurrent;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>What refused a run of one call and refuses later ones too, which are then not sent. Known to all creates under way.</summary>
/// <param name="isOneTarget">Whether all rows are for the same deployment, version or graph.</param>
internal sealed class RunRefusals(bool isOneTarget)
{
    private readonly ConcurrentDictionary<string, ComfyDeployException> _byTarget = new();
    private readonly ConcurrentDictionary<AccountState, ComfyDeployException> _byAccount = new();
    private volatile ComfyDeployException? _ofAll;
    private volatile ComfyDeployException? _notNeeded;

    /// <summary>The errors that refuse every run of all accounts, or of one, from now on.</summary>
    internal IEnumerable<ComfyDeployException> General =>
        _ofAll is { } ofAll && IsError(ofAll) ? _byAccount.Values.Append(ofAll) : _byAccount.Values;

    /// <summary>Whether a create may have made a run that is paid for.</summary>
    internal bool IsOneUnconfirmed { get; private set; }

    /// <summary>What refuses the runs of a template.</summary>
    internal ComfyDeployException? Of(RunTemplate template) => Of(template.Client.Session.Account)
        ?? (_byTarget.TryGetValue(template.Subject.Target.RowKey, out ComfyDeployException? error) ? error : null);

    /// <summary>What refuses every run of an account.</summary>
    internal ComfyDeployException? Of(AccountState account) =>
        _ofAll ?? (_byAccount.TryGetValue(account, out ComfyDeployException? error) ? error : null);

    /// <summary>Takes note of an error that concerns more than its own run.</summary>
    /// <param name="error">The answer to a create, or to the search for a deployment.</param>
    /// <param name="template">What was to run; null while that is not known.</param>
    internal void Add(ComfyDeployException error, RunTemplate? template)
    {
        if (error.ErrorId == ErrorIds.AmbiguousCreate) IsOneUnconfirmed = true;
        if (ConcernsAll(error) && template is null) AddForAll(error);
        else if (ConcernsAll(error)) _byAccount.TryAdd(template!.Client.Session.Account, error);
        else if (error.ErrorId == ErrorIds.DeploymentNotFound && template is not null)
            _byTarget.TryAdd(template.Subject.Target.RowKey, error);
    }

    /// <summary>Refuses all runs, such as those after the timeout.</summary>
    internal void AddForAll(ComfyDeployException error) => _ofAll ??= error;

    /// <summary>Refuses all runs of a batch that has ended.</summary>
    internal void Add(BatchSignal batch)
    {
        if (!batch.IsError) _notNeeded = batch.Reason;
        AddForAll(batch.Reason!);
    }

    /// <summary>Whether a refusal is an error; otherwise the run is not needed.</summary>
    internal bool IsError(ComfyDeployException refusal) => refusal != _notNeeded;

    internal bool ConcernsAll(ComfyDeployException error) =>
        error.ErrorId == ErrorIds.ApiKeyRejected
        || IsOfManifest(error)
        || (isOneTarget && error.ErrorId is (ErrorIds.DeploymentNotFound or ErrorIds.WorkflowNotFound))
        || (error.ErrorId == ErrorIds.LimitReached && error.StatusCode is 402 or 403);

    /// <summary>Whether nothing can be recorded, and so nothing may be queued.</summary>
    internal static bool IsOfManifest(ComfyDeployException error) => error.ErrorId is ErrorIds.ManifestInUse or ErrorIds.ManifestInvalid
        or ErrorIds.ManifestMismatch or ErrorIds.ManifestUnwritable;
}
