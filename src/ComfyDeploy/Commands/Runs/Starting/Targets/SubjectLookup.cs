using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>Finds what runs without a deployment: a version or a graph of a workflow, and the machine.</summary>
internal static class SubjectLookup
{
    /// <exception cref="ComfyDeployException">VersionNotFound, WorkflowNotFound, MachineNotFound, InvalidInput.</exception>
    internal static async Task<RunSubject> OfVersionAsync(
        ComfyDeployClient client, ComfyReference version, ComfyReference machine, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(version.Text, out Guid id))
        {
            throw new ComfyDeployException(ErrorIds.InvalidInput,
                $"'{version}' is not the ID of a workflow version. Specify an ID, or an object that has one, such as a deployment: " +
                "-WorkflowVersion (Get-ComfyDeployment portrait/staging)");
        }
        WorkflowVersionWire found = await client.GetWorkflowVersionAsync(id.ToString("D"), cancellationToken).ConfigureAwait(false);
        NamedWire on = await FindMachineAsync(client, machine, cancellationToken).ConfigureAwait(false);
        ComfyWorkflow workflow = await client.GetWorkflowAsync(found.WorkflowId!, cancellationToken).ConfigureAwait(false);
        string name = found.Version is { } number ? $"{workflow} version {number}" : $"{workflow} version {id:D}";
        VersionTarget target = new(id.ToString("D"), workflow.WorkflowId, on.Id!, name);
        return RunSubject.Of(target, workflow, on, WorkflowGraph.InputsOf(found.WorkflowApi));
    }

    /// <exception cref="ComfyDeployException">WorkflowNotFound, MachineNotFound, InvalidInput.</exception>
    internal static async Task<RunSubject> OfGraphAsync(
        ComfyDeployClient client, ApiGraph graph, ComfyReference workflow, ComfyReference machine, CancellationToken cancellationToken)
    {
        ComfyWorkflow found = await FindWorkflowAsync(client, workflow, cancellationToken).ConfigureAwait(false);
        NamedWire on = await FindMachineAsync(client, machine, cancellationToken).ConfigureAwait(false);
        GraphTarget target = new(graph.Json, found.WorkflowId, on.Id!, $"{graph.FileName} of {found}");
        return RunSubject.Of(target, found, on, graph.Inputs);
    }

    private static async Task<ComfyWorkflow> FindWorkflowAsync(
        ComfyDeployClient client, ComfyReference reference, CancellationToken cancellationToken)
    {
        if (reference.Object<ComfyWorkflow>() is { } known) return known;
        if (Guid.TryParse(reference.Text, out Guid id))
            return await client.GetWorkflowAsync(id.ToString("D"), cancellationToken).ConfigureAwait(false);
        IReadOnlyList<ComfyWorkflow> all = await client.GetWorkflowsAsync(cancellationToken).ConfigureAwait(false);
        ComfyWorkflow[] found = [.. all.Where(workflow => IsSame(workflow.Name, reference.Text))];
        return found.Length switch
        {
            1 => found[0],
            0 => throw RunSources.NotFound(client, reference.Text, all),
            _ => throw Ambiguous("workflow", reference, found.Select(workflow => workflow.WorkflowId)),
        };
    }

    private static async Task<NamedWire> FindMachineAsync(
        ComfyDeployClient client, ComfyReference reference, CancellationToken cancellationToken)
    {
        IReadOnlyList<NamedWire> all = await client.GetMachinesAsync(cancellationToken).ConfigureAwait(false);
        NamedWire[] found = Guid.TryParse(reference.Text, out Guid id)
            ? [.. all.Where(machine => IsSame(machine.Id, id.ToString("D")))]
            : [.. all.Where(machine => IsSame(machine.Name, reference.Text))];
        if (found.Length == 1) return found[0];
        if (found.Length > 1) throw Ambiguous("machine", reference, found.Select(machine => machine.Id!));
        IReadOnlyList<string> near = NearestNames.Of(reference.Text, all.Select(machine => machine.Name).OfType<string>());
        string hint = near.Count > 0 ? $" Nearest: {string.Join(", ", near)}." : string.Empty;
        throw new ComfyDeployException(ErrorIds.MachineNotFound,
            $"There is no machine '{reference}' on connection '{client.Session.Connection.Name}'.{hint}");
    }

    private static ComfyDeployException Ambiguous(string noun, ComfyReference reference, IEnumerable<string> ids) =>
        new(ErrorIds.InvalidInput, $"More than one {noun} is named '{reference}'. Specify the ID: {string.Join(" or ", ids)}.");

    private static bool IsSame(string? name, string other) => string.Equals(name, other, StringComparison.OrdinalIgnoreCase);
}
