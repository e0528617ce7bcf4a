using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>What the runs of one deployment, version or graph have in common in one call.</summary>
internal sealed record RunTemplate(RunSubject Subject, ComfyDeployClient Client, string? RequestedGpu, Uri? Webhook,
    bool WebhookIntermediateStatus)
{
    /// <summary>The run, or the row, that is started again.</summary>
    internal ComfyRun? Earlier { get; init; }

    /// <summary>The GPU that a run gets: one fixed by the deployment wins.</summary>
    internal string? Gpu => Subject.FixedGpu ?? RequestedGpu ?? Subject.MachineGpu;

    /// <summary>The target of ShouldProcess, such as <c>portrait/production (version 14, GPU A10G)</c>.</summary>
    internal string Target
    {
        get
        {
            string detail = Subject.Detail is null ? string.Empty : $"{Subject.Detail}, ";
            return $"{Subject.Name} ({detail}{(Gpu is null ? "the machine's GPU" : $"GPU {Gpu}")})";
        }
    }

    /// <summary>The action of ShouldProcess.</summary>
    internal static string Action(string inputsJson) => $"Queue run {SafeText.Clean(SafeText.HideSignatures(inputsJson))}";

    internal CreateRequest ToRequest(ComfyRun run) =>
        new(Subject.Target, run.InputsJson!, RequestedGpu, Webhook, WebhookIntermediateStatus, RunOrigin.Of(run));

    /// <summary>A run as it is known before it is queued; what is queued is made from it, without another request.</summary>
    internal ComfyRun ToQueue(string inputsJson, string? label, ManifestEntry? entry)
    {
        ComfyRun run = Describe(inputsJson, label);
        run.Status = RunStatus.NotStarted;
        run.Webhook = Webhook?.AbsoluteUri;
        run.Entry = entry;
        return run;
    }

    /// <summary>A row that was refused: it comes out too, so that as many objects come out as rows went in.</summary>
    internal ComfyRun NotQueued(ComfyDeployException error, string inputsJson, string? label, ManifestEntry? entry = null)
    {
        ComfyRun run = Refuse(Describe(inputsJson, label), error);
        run.Entry = entry;
        return run;
    }

    /// <summary>A row whose deployment cannot be found.</summary>
    internal static ComfyRun NotQueued(
        string? deploymentName, ComfyConnection connection, ComfyDeployException error, string inputsJson, string? label) =>
        Refuse(new() { DeploymentName = deploymentName, Label = label, InputsJson = inputsJson, Connection = connection }, error);

    private static ComfyRun Refuse(ComfyRun run, ComfyDeployException error)
    {
        string text = ErrorRecords.TextOf(error);
        run.Status = RunStatus.NotQueued;
        run.IsUnconfirmed = error.ErrorId == ErrorIds.AmbiguousCreate;
        run.Error = run.IsUnconfirmed ? $"{error.ErrorId}: {text}" : text;
        return run;
    }

    private ComfyRun Describe(string inputsJson, string? label) => new()
    {
        DeploymentId = Subject.DeploymentId,
        DeploymentName = Subject.DeploymentName,
        WorkflowName = Subject.WorkflowName,
        WorkflowId = Subject.WorkflowId,
        WorkflowVersionId = Subject.WorkflowVersionId,
        MachineId = Subject.MachineId,
        Gpu = Gpu,
        Origin = "api",
        Label = label,
        RestartOf = Earlier?.RunId ?? Earlier?.RestartOf,
        InputsJson = inputsJson,
        Connection = Client.Session.Connection,
    };
}
