using System.Management.Automation;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy;

/// <summary>
/// A snapshot of a run, as it was when it was read. One type for the first service (24 fields) and today's (32).
/// The order of the members is the order of the CSV columns. All dates are local time; all durations are seconds.
/// </summary>
public sealed class ComfyRun : IConnected
{
    private const string LabeledTypeName = "ComfyDeploy.ComfyRun#Labeled";

    private string? _label;

    internal ComfyRun() { }

    /// <summary>The run's UUID, 36 characters. Null only when <see cref="Status"/> is <c>not-queued</c>. Server: <c>id</c>.</summary>
    public string? RunId { get; internal set; }

    /// <summary><c>workflow/environment</c>; null where the deployment is not known (a run read by its ID alone).</summary>
    public string? DeploymentName { get; internal set; }

    /// <summary>Name of the workflow, where known.</summary>
    public string? WorkflowName { get; internal set; }

    /// <summary>The caller's label, from <c>Start-ComfyRun -LabelColumn</c>; it is never sent to the service.</summary>
    public string? Label
    {
        get => _label;
        internal set
        {
            // A run with a label has a view of its own. PowerShell keeps the type name with the object, wherever it is wrapped again.
            if (value is not null && _label is null) PSObject.AsPSObject(this).TypeNames.Insert(0, LabeledTypeName);
            _label = value;
        }
    }

    /// <summary>The service's status, or <c>not-queued</c> for a row that could not be queued. Server: <c>status</c>.</summary>
    public string? Status { get; internal set; }

    /// <summary>Whether the run is finished: success, failed, timeout, cancelled, not-queued, or an unknown status with an end.</summary>
    public bool IsFinished => RunStatus.IsFinished(Status, EndedAt);

    /// <summary>Whether the run ended in <c>success</c>.</summary>
    public bool IsSuccess => Status == RunStatus.Success;

    /// <summary>
    /// Why the run failed, or why the row was not queued; null where nothing is known. Collected from the run's error output or its log.
    /// </summary>
    public string? Error { get; internal set; }

    /// <summary>GPU type, such as <c>A10G</c>. Server: <c>gpu</c>.</summary>
    public string? Gpu { get; internal set; }

    /// <summary>When the service created the run, local time. Server: <c>created_at</c>.</summary>
    public DateTime? CreatedAt { get; internal set; }

    /// <summary>When a container picked up the run, local time. Server: <c>queued_at</c>.</summary>
    public DateTime? QueuedAt { get; internal init; }

    /// <summary>When ComfyUI was ready, local time. Server: <c>started_at</c>.</summary>
    public DateTime? StartedAt { get; internal init; }

    /// <summary>When the run ended, local time; some finished runs have no end. Server: <c>ended_at</c>.</summary>
    public DateTime? EndedAt { get; internal init; }

    /// <summary>Seconds from creation until a container picked up the run. Server: <c>comfy_deploy_cold_start</c>, else computed.</summary>
    public double? QueueSeconds { get; internal init; }

    /// <summary>Seconds from then until ComfyUI was ready. Server: <c>cold_start_duration</c>.</summary>
    public double? ColdStartSeconds { get; internal init; }

    /// <summary>Seconds from ComfyUI being ready until the end. Server: <c>run_duration</c>.</summary>
    public double? RunSeconds { get; internal init; }

    /// <summary>Seconds from creation until the end. Server: <c>duration</c>.</summary>
    public double? TotalSeconds { get; internal init; }

    /// <summary>
    /// US dollars: cold start and run at the GPU's list price per second. An estimate: what is billed is the container, with its idle time.
    /// Null while the run is not finished or the price is not known.
    /// </summary>
    public decimal? EstimatedCost { get; internal set; }

    /// <summary>0 to 100; the share of nodes seen, so a success may end below 100. Server: <c>progress</c> (0 to 1).</summary>
    public int? PercentComplete { get; internal init; }

    /// <summary>
    /// What the run does, such as <c>Executing KSampler</c>; keeps its last value after the end. Server: <c>live_status</c>.
    /// </summary>
    public string? LiveStatus { get; internal init; }

    /// <summary>Runs before this one on its machine, 0 = next; only while it waits. Server: <c>queue_position</c>.</summary>
    public int? QueuePosition { get; internal init; }

    /// <summary>Number of outputs: files and texts; null where they are not known.</summary>
    public int? OutputCount => Outputs?.Count ?? RecordedOutputCount;

    /// <summary>Link of the first output that has one. A signed link expires after an hour: keep the run's ID instead.</summary>
    public Uri? OutputUrl => Outputs?.FirstOrDefault(output => output.Url is not null)?.Url;

    /// <summary>The outputs; their text is the file names. Null in lists, which do not contain them. Server: <c>outputs</c>.</summary>
    public ComfyRunOutputCollection? Outputs { get; internal set; }

    /// <summary>The inputs as a custom object, new at each read; its text is JSON. Server: <c>workflow_inputs</c>.</summary>
    public PSObject? Inputs => FreeJson.ReadObject(InputsJson);

    /// <summary>
    /// Deployment's UUID, where known: the service does not return it when a run is read by its ID. Server: <c>deployment_id</c>.
    /// </summary>
    public string? DeploymentId { get; internal set; }

    /// <summary>Workflow's UUID. Server: <c>workflow_id</c>.</summary>
    public string? WorkflowId { get; internal set; }

    /// <summary>Workflow version's UUID. Server: <c>workflow_version_id</c>.</summary>
    public string? WorkflowVersionId { get; internal set; }

    /// <summary>Machine's UUID. Server: <c>machine_id</c>.</summary>
    public string? MachineId { get; internal set; }

    /// <summary>Kind of machine, such as <c>comfy-deploy-serverless</c>. Server: <c>machine_type</c>.</summary>
    public string? MachineType { get; internal init; }

    /// <summary>Batch's UUID, in lists. Server: <c>batch_id</c>.</summary>
    public string? BatchId { get; internal init; }

    /// <summary>Where the run came from, such as <c>api</c> or <c>manual</c>. Server: <c>origin</c>.</summary>
    public string? Origin { get; internal init; }

    /// <summary>Who queued it. Server: <c>user_id</c>.</summary>
    public string? UserId { get; internal init; }

    /// <summary>The organization it belongs to, null for a personal account. Server: <c>org_id</c>.</summary>
    public string? OrgId { get; internal init; }

    /// <summary>The run this one repeats.</summary>
    public string? RestartOf { get; internal set; }

    /// <summary>Name of the connection the run was read with.</summary>
    public string? ConnectionName => Connection?.Name;

    /// <summary>The graph that ran, on the first service only. Server: <c>workflow_api</c>.</summary>
    [Hidden]
    public object? WorkflowApi => FreeJson.Convert(WorkflowApiJson);

    /// <summary>The run's log lines, on the first service only. Server: <c>run_log</c>.</summary>
    [Hidden]
    public object? Log => FreeJson.Convert(LogJson);

    /// <summary>Fields of the response that this version does not know, as a custom object; null when there are none.</summary>
    [Hidden]
    public PSObject? AdditionalProperties => FreeJson.Convert(AdditionalJson);

    /// <summary>URL the service calls on changes. Server: <c>webhook</c>.</summary>
    [Hidden]
    public string? Webhook { get; internal set; }

    /// <summary>Server: <c>webhook_status</c>; today's service never fills it.</summary>
    [Hidden]
    public string? WebhookStatus { get; internal init; }

    /// <summary>Whether the webhook is also called at every node. Server: <c>webhook_intermediate_status</c>.</summary>
    [Hidden]
    public bool? WebhookIntermediateStatus { get; internal init; }

    /// <summary>The GPU's billing event. Server: <c>gpu_event_id</c>.</summary>
    [Hidden]
    public string? GpuEventId { get; internal init; }

    /// <summary>The cloud function call; a run without one cannot be cancelled. Server: <c>modal_function_call_id</c>.</summary>
    [Hidden]
    public string? FunctionCallId { get; internal init; }

    /// <summary>Server: <c>machine_version</c>.</summary>
    [Hidden]
    public string? MachineVersion { get; internal init; }

    /// <summary>Server: <c>number</c>; always 0 on today's service.</summary>
    [Hidden]
    public int? Number { get; internal init; }

    /// <summary>Server: <c>is_realtime</c>.</summary>
    [Hidden]
    public bool? IsRealtime { get; internal init; }

    /// <summary>Last change, local time. Server: <c>updated_at</c>.</summary>
    [Hidden]
    public DateTime? UpdatedAt { get; internal init; }

    /// <summary>The connection the run was read with, so that the next cmdlet in a pipeline uses the same one.</summary>
    internal ComfyConnection? Connection { get; init; }

    ComfyConnection? IConnected.Connection => Connection;

    /// <summary>
    /// Whether the run may still be billed: not finished, or <c>timeout</c> without an end. The service computes such a timeout on reading,
    /// and stops nothing.
    /// </summary>
    internal bool IsActive => !IsFinished || (Status == RunStatus.Timeout && EndedAt is null);

    /// <summary>Whether it was read by its ID, with inputs and outputs; lists omit them.</summary>
    internal bool IsDetailed { get; set; }

    /// <summary>Whether it comes from a manifest, and was not read from the service.</summary>
    internal bool IsRecorded { get; set; }

    /// <summary>Where its batch is recorded; null without a manifest.</summary>
    internal ManifestEntry? Entry { get; set; }

    /// <summary>The batch it was queued with, for a command behind it in the pipeline.</summary>
    internal BatchSignal? Batch { get; set; }

    /// <summary>Whether it is a row of which it is not known whether it was queued.</summary>
    internal bool IsUnconfirmed { get; set; }

    /// <summary>How far the service's clock, which set the dates, is ahead of this machine's.</summary>
    internal TimeSpan ClockOffset { get; set; }

    /// <summary>The number of outputs of a run that is read from a manifest.</summary>
    internal int? RecordedOutputCount { get; init; }

    internal string? InputsJson { get; set; }

    internal JsonElement? WorkflowApiJson { get; init; }

    internal JsonElement? LogJson { get; init; }

    internal IReadOnlyList<KeyValuePair<string, object?>>? AdditionalJson { get; init; }

    /// <summary>The run's ID.</summary>
    public override string ToString() => RunId ?? Status ?? string.Empty;

    internal ComfyRun Copy() => (ComfyRun)MemberwiseClone();

    /// <summary>Fills in what only the caller knows and <c>GET /run/{id}</c> does not return.</summary>
    internal void CarryOver(RunOrigin? known)
    {
        if (known is null) return;
        DeploymentId ??= known.DeploymentId;
        DeploymentName ??= known.DeploymentName;
        WorkflowName ??= known.WorkflowName;
        Label ??= known.Label;
        RestartOf ??= known.RestartOf;
        Entry ??= known.Entry;
        InputsJson ??= known.InputsJson;
    }
}
