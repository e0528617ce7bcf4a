namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    /// <summary>One workflow, by its ID.</summary>
    internal async Task<ComfyWorkflow> GetWorkflowAsync(string workflowId, CancellationToken cancellationToken)
    {
        try
        {
            WorkflowWire wire = await SendAsync(
                () => Request(HttpMethod.Get, $"/workflow/{Segment(workflowId)}"),
                About(workflowId, Json(WireContext.Default.WorkflowWire), workflow => workflow.Id),
                ErrorIds.WorkflowNotFound, cancellationToken).ConfigureAwait(false);
            return wire.ToWorkflow(Connection);
        }
        catch (ComfyDeployException e) when (e.ErrorId == ErrorIds.WorkflowNotFound)
        {
            throw Errors.WorkflowNotFound(workflowId, Connection.Name, e);
        }
    }

    /// <summary>One version of a workflow, with its graph.</summary>
    internal async Task<WorkflowVersionWire> GetWorkflowVersionAsync(string versionId, CancellationToken cancellationToken)
    {
        try
        {
            return await SendAsync(
                () => Request(HttpMethod.Get, $"/workflow-version/{Segment(versionId)}"),
                About(versionId, Json(WireContext.Default.WorkflowVersionWire), version => version.WorkflowId is null ? null : version.Id),
                ErrorIds.VersionNotFound, cancellationToken).ConfigureAwait(false);
        }
        catch (ComfyDeployException e) when (e.ErrorId == ErrorIds.VersionNotFound)
        {
            throw Errors.VersionNotFound(versionId, Connection.Name, e);
        }
    }

    /// <summary>The machines of the account that are not deleted.</summary>
    internal async Task<IReadOnlyList<NamedWire>> GetMachinesAsync(CancellationToken cancellationToken)
    {
        List<NamedWire> rows = await GetAsync("/machines/all", WireContext.Default.ListNamedWire, ErrorIds.ServiceError, cancellationToken)
            .ConfigureAwait(false);
        CompletionMemory.Of(session).SetMachines(rows.Select(machine => machine.Name), session.Clock.Now);
        return [.. rows.Where(machine => machine.Id is not null)];
    }
}
