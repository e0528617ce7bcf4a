namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    private const int WorkflowPageSize = 100;
    private static readonly TimeSpan PricePatience = TimeSpan.FromSeconds(5);

    /// <summary>All deployments of the account, newest change first; at most a minute old unless <paramref name="fresh"/>.</summary>
    internal async Task<IReadOnlyList<ComfyDeployment>> GetDeploymentsAsync(bool fresh, CancellationToken stop)
    {
        if (!fresh && session.Deployments.Get(session.Clock.Now) is { } known) return known;
        // The service splits the list in two by the kind of machine behind it.
        Task<List<DeploymentWire>> oldStyle = GetAsync("/deployments?is_fluid=false", WireContext.Default.ListDeploymentWire, ErrorIds.DeploymentNotFound, stop);
        Task<List<DeploymentWire>> newStyle = GetAsync("/deployments?is_fluid=true", WireContext.Default.ListDeploymentWire, ErrorIds.DeploymentNotFound, stop);
        List<DeploymentWire>[] lists = await Task.WhenAll(oldStyle, newStyle).ConfigureAwait(false);
        ComfyDeployment[] deployments = [.. lists.SelectMany(list => list).Select(wire => wire.ToDeployment(Connection))
            .GroupBy(d => d.DeploymentId).Select(same => same.First()).OrderByDescending(d => d.UpdatedAt)];
        session.Deployments.Set(deployments, session.Clock.Now);
        return deployments;
    }

    /// <summary>For their names alone, which must never cost a list of runs: one odd workflow makes the service's whole list of deployments fail.</summary>
    internal async Task TryReadDeploymentsAsync(CancellationToken stop)
    {
        try
        {
            await GetDeploymentsAsync(fresh: false, stop).ConfigureAwait(false);
        }
        catch (ComfyDeployException e)
        {
            log.Verbose($"The names of deployments could not be read: {e.Message}");
        }
    }

    internal async Task<ComfyDeployment> GetDeploymentAsync(string deploymentId, CancellationToken stop)
    {
        try
        {
            DeploymentWire wire = await GetAsync($"/deployment/{deploymentId}", WireContext.Default.DeploymentWire, ErrorIds.DeploymentNotFound, stop).ConfigureAwait(false);
            return wire.ToDeployment(Connection);
        }
        catch (ComfyDeployException e) when (e.StatusCode == 500)
        {
            // The service has no other answer for a deployment that is missing or another account's.
            throw new ComfyDeployException(ErrorIds.DeploymentNotFound, $"There is no deployment {deploymentId} on connection '{Connection.Name}', or the service cannot read it: {e.Message}", e)
            {
                StatusCode = e.StatusCode,
                RequestId = e.RequestId,
            };
        }
    }

    /// <summary>One page of the account's workflows.</summary>
    internal async Task<IReadOnlyList<ComfyWorkflow>> GetWorkflowPageAsync(int offset, CancellationToken stop)
    {
        List<WorkflowWire> rows = await GetAsync($"/workflows?limit={WorkflowPageSize}&offset={offset}", WireContext.Default.ListWorkflowWire, ErrorIds.WorkflowNotFound, stop)
            .ConfigureAwait(false);
        return [.. rows.Select(row => row.ToWorkflow(Connection))];
    }

    /// <summary>All workflows of the account.</summary>
    internal async Task<IReadOnlyList<ComfyWorkflow>> GetWorkflowsAsync(CancellationToken stop)
    {
        Dictionary<string, ComfyWorkflow> workflows = [];
        for (int offset = 0; ; offset += WorkflowPageSize)
        {
            IReadOnlyList<ComfyWorkflow> page = await GetWorkflowPageAsync(offset, stop).ConfigureAwait(false);
            foreach (ComfyWorkflow workflow in page) workflows[workflow.WorkflowId] = workflow;
            if (page.Count < WorkflowPageSize) return [.. workflows.Values];
        }
    }

    /// <summary>The cheapest call that needs a key.</summary>
    internal Task CheckKeyAsync(CancellationToken stop) =>
        GetAsync("/workflows?limit=1", WireContext.Default.ListWorkflowWire, ErrorIds.NotSupportedByServer, stop);

    /// <summary>Machine names by id.</summary>
    internal async Task<IReadOnlyDictionary<string, string?>> GetMachineNamesAsync(CancellationToken stop)
    {
        List<NamedWire> machines = await GetAsync("/machines/all", WireContext.Default.ListNamedWire, ErrorIds.ServiceError, stop).ConfigureAwait(false);
        Dictionary<string, string?> names = [];
        foreach (NamedWire machine in machines)
        {
            if (machine.Id is not null) names[machine.Id] = machine.Name;
        }
        return names;
    }

    /// <summary>US dollars per second by GPU, read once per connection; empty for a minute where the service does not tell, since a price must never fail a run.</summary>
    internal async Task<Dictionary<string, decimal>> GetGpuPricesAsync(CancellationToken stop)
    {
        if (session.GpuPrices.Known(session.Clock.Now) is { } known) return known;
        await session.GpuPrices.Gate.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            if (session.GpuPrices.Known(session.Clock.Now) is { } meanwhile) return meanwhile;
            // A run that has ended waits for this: better without a price than late.
            ComfyDeployClient impatient = new(session, log) { RequestTimeout = PricePatience };
            TryResult<Dictionary<string, decimal>> result = await impatient.TryAsync(
                () => Request(HttpMethod.Get, "/platform/gpu-pricing"), Json(WireContext.Default.DictionaryStringDecimal), ErrorIds.ServiceError, stop)
                .ConfigureAwait(false);
            if (result.Error is not null) log.Verbose($"GPU prices are not known, so costs are not estimated: {result.Error.Message}");
            return session.GpuPrices.Set(result.Value, session.Clock.Now);
        }
        finally
        {
            session.GpuPrices.Gate.Release();
        }
    }
}
