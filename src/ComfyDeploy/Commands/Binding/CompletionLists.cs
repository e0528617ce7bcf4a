using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// The lists of an account that completion offers, from the memory that the cmdlets use too. A list that is not known is requested, once
/// a minute; a key press waits a second for it at most.
/// </summary>
internal sealed class CompletionLists(ComfyConnection connection)
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(1);

    // Longer than a key press waits: the next one finds what a slow service answers late.
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);

    private readonly ApiSession _session = ApiSession.For(connection);

    /// <summary>All deployments, or those known last.</summary>
    internal IReadOnlyList<ComfyDeployment> Deployments
    {
        get
        {
            if (_session.Deployments.Get(_session.Clock.Now) is null)
                Read("deployments", (client, token) => client.GetDeploymentsAsync(fresh: false, token));
            return _session.Deployments.Last;
        }
    }

    internal IReadOnlyList<string> WorkflowNames
    {
        get
        {
            Read(CompletionMemory.Workflows, (client, token) => client.GetRecentWorkflowsAsync(token));
            return CompletionMemory.Of(_session).WorkflowNames;
        }
    }

    internal IReadOnlyList<string> MachineNames
    {
        get
        {
            Read(CompletionMemory.Machines, (client, token) => client.GetMachinesAsync(token));
            return CompletionMemory.Of(_session).MachineNames;
        }
    }

    /// <summary>The GPUs that have a price.</summary>
    internal IEnumerable<string> Gpus
    {
        get
        {
            if (_session.GpuPrices.Known(_session.Clock.Now) is null)
                Read("prices", (client, token) => client.GetGpuPricesAsync(token));
            return _session.GpuPrices.Known(_session.Clock.Now)?.Keys ?? Enumerable.Empty<string>();
        }
    }

    /// <summary>The newest runs that this process knows; never a request.</summary>
    internal IEnumerable<Suggestion> Runs => _session.KnownRuns.Newest().Select(run => new Suggestion(run.RunId, Suggestion.Join(
        run.Origin?.Label, run.Origin?.DeploymentName ?? _session.Deployments.Find(run.DeploymentId)?.DeploymentName, run.Status)));

    private void Read(string list, Func<ComfyDeployClient, CancellationToken, Task> read)
    {
        CompletionMemory memory = CompletionMemory.Of(_session);
        if (!memory.MayRequest(list, _session.Clock.Now)) return;
        ComfyDeployClient client = new(_session, new Silence()) { MaxRetries = 0, RequestTimeout = RequestTimeout };
        Task<bool> answer = Task.Run(() => IsAnsweredAsync(cancellationToken => read(client, cancellationToken), default));
        _session.Clock.Wait([((IAsyncResult)answer).AsyncWaitHandle], MaxWait);
        if (!answer.IsCompleted || !answer.GetAwaiter().GetResult()) memory.PauseAll(_session.Clock.Now);
    }

    private static async Task<bool> IsAnsweredAsync(Func<CancellationToken, Task> read, CancellationToken cancellationToken)
    {
        try
        {
            await read(cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ComfyDeployException e)
        {
            return e.StatusCode is not null;
        }
    }

    private sealed class Silence : ICallLog
    {
        public void Warning(string message) { }

        public void Verbose(string message) { }

        public void Debug(string message) { }
    }
}
