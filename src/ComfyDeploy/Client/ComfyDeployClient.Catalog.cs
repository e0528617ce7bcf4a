namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    private const int WorkflowPageSize = 100;
    private const int MaxRecentWorkflows = 500;
    private const double MaxPrice = 1_000;
    private static readonly TimeSpan PriceTimeout = TimeSpan.FromSeconds(5);

    private readonly object _namesGate = new();
    private Task? _names;

    /// <summary>All deployments of the account, newest change first; at most a minute old unless <paramref name="fresh"/>.</summary>
    internal async Task<IReadOnlyList<ComfyDeployment>> GetDeploymentsAsync(bool fresh, CancellationToken cancellationToken)
    {
        if (!fresh && session.Deployments.Get(session.Clock.Now) is { } known) return known;
        // The service splits the list in two by the type of machine.
        Task<List<DeploymentWire>>[] halves =
            [ListDeploymentsAsync("false", cancellationToken), ListDeploymentsAsync("true", cancellationToken)];
        List<DeploymentWire>[] lists = await Task.WhenAll(halves).ConfigureAwait(false);
        ComfyDeployment[] deployments = [.. lists.SelectMany(list => list).Where(wire => !string.IsNullOrEmpty(wire.Id))
            .Select(wire => wire.ToDeployment(Connection))
            .GroupBy(d => d.DeploymentId).Select(same => same.First()).OrderByDescending(d => d.UpdatedAt)];
        session.Deployments.Set(deployments, session.Clock.Now);
        return deployments;
    }

    private Task<List<DeploymentWire>> ListDeploymentsAsync(string isFluid, CancellationToken cancellationToken) =>
        GetAsync($"/deployments?is_fluid={isFluid}", WireContext.Default.ListDeploymentWire, ErrorIds.DeploymentNotFound,
            cancellationToken);

    /// <summary>
    /// Reads the deployments for their names, once in the life of this client. A failure is no error here: a single malformed workflow
    /// makes the service's list fail, and a list of runs is useful without names.
    /// </summary>
    internal Task TryReadDeploymentsAsync(CancellationToken cancellationToken)
    {
        lock (_namesGate) return _names ??= ReadAsync();

        async Task ReadAsync()
        {
            try
            {
                await GetDeploymentsAsync(fresh: false, cancellationToken).ConfigureAwait(false);
            }
            catch (ComfyDeployException e)
            {
                log.Verbose($"The names of deployments could not be read: {e.Message}");
            }
        }
    }

    internal async Task<ComfyDeployment> GetDeploymentAsync(string deploymentId, CancellationToken cancellationToken)
    {
        try
        {
            DeploymentWire wire = await SendAsync(
                () => Request(HttpMethod.Get, $"/deployment/{Segment(deploymentId)}"),
                About(deploymentId, Json(WireContext.Default.DeploymentWire), deployment => deployment.Id),
                ErrorIds.DeploymentNotFound, cancellationToken).ConfigureAwait(false);
            return wire.ToDeployment(Connection);
        }
        catch (ComfyDeployException e) when (e.StatusCode == 500)
        {
            // The service has no other answer for a deployment that is missing or belongs to another account.
            throw Errors.DeploymentNotFound(deploymentId, Connection.Name, e);
        }
    }

    /// <summary>All workflows of the account. A page that brings nothing new is the last: a service may ignore the offset.</summary>
    internal async Task<IReadOnlyList<ComfyWorkflow>> GetWorkflowsAsync(CancellationToken cancellationToken)
    {
        Dictionary<string, ComfyWorkflow> workflows = [];
        for (int offset = 0; ; offset += WorkflowPageSize)
        {
            List<WorkflowWire> rows = await ListWorkflowsAsync(WorkflowPageSize, offset, cancellationToken).ConfigureAwait(false);
            int known = workflows.Count;
            foreach (WorkflowWire row in rows)
            {
                if (!string.IsNullOrEmpty(row.Id)) workflows[row.Id!] = row.ToWorkflow(Connection);
            }
            if (rows.Count == WorkflowPageSize && workflows.Count > known) continue;
            CompletionMemory.Of(session).SetWorkflows(workflows.Values, session.Clock.Now);
            return [.. workflows.Values];
        }
    }

    /// <summary>The workflows that changed last, for completion: a large part of all in one request.</summary>
    internal async Task GetRecentWorkflowsAsync(CancellationToken cancellationToken)
    {
        List<WorkflowWire> rows = await ListWorkflowsAsync(MaxRecentWorkflows, 0, cancellationToken).ConfigureAwait(false);
        CompletionMemory.Of(session).SetWorkflows(rows.Select(row => row.ToWorkflow(Connection)), session.Clock.Now);
    }

    private Task<List<WorkflowWire>> ListWorkflowsAsync(int limit, int offset, CancellationToken cancellationToken) => GetAsync(
        $"/workflows?limit={limit}&offset={offset}", WireContext.Default.ListWorkflowWire, ErrorIds.WorkflowNotFound, cancellationToken);

    /// <summary>The cheapest call that needs a key.</summary>
    internal Task CheckKeyAsync(CancellationToken cancellationToken) =>
        GetAsync("/workflows?limit=1", WireContext.Default.ListWorkflowWire, ErrorIds.NotSupportedByServer, cancellationToken);

    /// <summary>Machine names by ID.</summary>
    internal async Task<IReadOnlyDictionary<string, string?>> GetMachineNamesAsync(CancellationToken cancellationToken)
    {
        Dictionary<string, string?> names = [];
        foreach (NamedWire machine in await GetMachinesAsync(cancellationToken).ConfigureAwait(false)) names[machine.Id!] = machine.Name;
        return names;
    }

    /// <summary>US dollars per second by GPU, read once per connection; empty for a minute after a failure: no run fails for it.</summary>
    internal async Task<Dictionary<string, decimal>> GetGpuPricesAsync(CancellationToken cancellationToken)
    {
        if (session.GpuPrices.Known(session.Clock.Now) is { } known) return known;
        await session.GpuPrices.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (session.GpuPrices.Known(session.Clock.Now) is { } readByOther) return readByOther;
            // A finished run waits for this: better without a price than late.
            ComfyDeployClient client = new(session, log) { RequestTimeout = PriceTimeout };
            Attempt<Dictionary<string, double?>> prices = await client.SendOnceAsync(
                () => Request(HttpMethod.Get, "/platform/gpu-pricing"),
                Json(WireContext.Default.DictionaryStringNullableDouble),
                ErrorIds.ServiceError,
                cancellationToken).ConfigureAwait(false);
            if (prices.Error is { } error) log.Verbose($"The GPU prices could not be read, so costs are not estimated: {error.Message}");
            return session.GpuPrices.Set(
                prices.Value?.Where(price => price.Value is >= 0 and < MaxPrice)
                    .ToDictionary(price => price.Key, price => (decimal)price.Value!),
                session.Clock.Now);
        }
        finally
        {
            session.GpuPrices.Gate.Release();
        }
    }
}
