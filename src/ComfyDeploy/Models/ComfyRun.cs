using System.Management.Automation;
using ComfyDeploy.Text;

namespace ComfyDeploy;

/// <summary>
/// A run as it was when it was read: a snapshot, which never changes. One type for the first service (24 fields) and today's (32).
/// The order of the members is the order of the CSV columns. All dates are local time; all durations are seconds.
/// </summary>
public sealed class ComfyRun : IConnected
{
    internal ComfyRun() { }

    /// <summary>The run's UUID, 36 characters. Null only when <see cref="Status"/> is <c>not-queued</c>. Server: <c>id</c>.</summary>
    public string? RunId { get; internal set; }

    /// <summary><c>workflow/environment</c>; null where the deployment is not known (a run read by its id alone).</summary>
    public string? DeploymentName { get; internal set; }

    /// <summary>Name of the workflow, where known.</summary>
    public string? WorkflowName { get; internal set; }

    /// <summary>The caller's own mark, from <c>Start-ComfyRun -LabelColumn</c>; the service knows nothing of it.</summary>
    public string? Label { get; internal set; }

    /// <summary>The service's own word, or ours for a row that could not be queued: <c>not-queued</c>. Server: <c>status</c>.</summary>
    public string? Status { get; internal set; }

    /// <summary>Whether the run is over: success, failed, timeout, cancelled, not-queued, or an unknown word with an end.</summary>
    public bool IsFinished => RunStatus.IsFinished(Status, EndedAt);

    /// <summary>Whether the run ended in <c>success</c>.</summary>
    public bool IsSuccess => Status == RunStatus.Success;

    /// <summary>
    /// Why the run failed, or why the row was not queued; null where nothing is known. Collected from the run's error output or its log.
    /// </summary>
    public string? Error { get; internal set; }

    /// <summary>GPU type, such as <c>A10G</c>. Server: <c>gpu</c>.</summary>
    public string? Gpu { get; internal set; }

    /// <summary>When the service made the run, local time. Server: <c>created_at</c>.</summary>
    public DateTime? CreatedAt { get; internal set; }

    /// <summary>When a container took the run, local time. Server: <c>queued_at</c>.</summary>
    public DateTime? QueuedAt { get; internal set; }

    /// <summary>When ComfyUI answered, local time. Server: <c>started_at</c>.</summary>
    public DateTime? StartedAt { get; internal set; }

    /// <summary>When the run ended, local time; some runs are over without it. Server: <c>ended_at</c>.</summary>
    public DateTime? EndedAt { get; internal set; }

    /// <summary>Seconds from created to taken by a container. Server: <c>comfy_deploy_cold_start</c>, else computed.</summary>
    public double? QueueSeconds { get; internal set; }

    /// <summary>Seconds from taken to ComfyUI up. Server: <c>cold_start_duration</c>.</summary>
    public double? ColdStartSeconds { get; internal set; }

    /// <summary>Seconds from ComfyUI up to the end. Server: <c>run_duration</c>.</summary>
    public double? RunSeconds { get; internal set; }

    /// <summary>Seconds from created to the end. Server: <c>duration</c>.</summary>
    public double? TotalSeconds { get; internal set; }

    /// <summary>
    /// US dollars: cold start and run at the GPU's list price per second. An estimate: what is billed is the container, with its idle time.
    /// Null while the run is not over or the price is not known.
    /// </summary>
    public decimal? EstimatedCost { get; internal set; }

    /// <summary>0 to 100; the share of nodes seen, so a success may end below 100. Server: <c>progress</c> (0 to 1).</summary>
    public int? PercentComplete { get; internal set; }

    /// <summary>
    /// What the run does, such as <c>Executing KSampler</c>; keeps its last word after the end. Server: <c>live_status</c>.
    /// </summary>
    public string? LiveStatus { get; internal set; }

    /// <summary>Runs before this one on its machine, 0 = next; only while it waits. Server: <c>queue_position</c>.</summary>
    public int? QueuePosition { get; internal set; }

    /// <summary>Number of outputs: files and texts.</summary>
    public int OutputCount => Outputs.Count;

    /// <summary>Link of the first output that has one. May be signed and then dies after an hour: keep the run's id instead.</summary>
    public Uri? OutputUrl => Outputs.FirstOrDefault(output => output.Url is not null)?.Url;

    /// <summary>The outputs; its text is the file names. Empty in lists, which carry none. Server: <c>outputs</c>.</summary>
    public ComfyRunOutputCollection Outputs { get; internal set; } = ComfyRunOutputCollection.Empty;

    /// <summary>The inputs as a custom object made anew at each reading; its text is JSON. Server: <c>workflow_inputs</c>.</summary>
    public PSObject? Inputs => FreeJson.ReadObject(InputsJson);

    /// <summary>
    /// Deployment's UUID, where known: the service does not tell it when a run is read by its id. Server: <c>deployment_id</c>.
    /// </summary>
    public string? DeploymentId { get; internal set; }

    /// <summary>Workflow's UUID. Server: <c>workflow_id</c>.</summary>
    public string? WorkflowId { get; internal set; }

    /// <summary>Workflow version's UUID. Server: <c>workflow_version_id</c>.</summary>
    public string? WorkflowVersionId { get; internal set; }

    /// <summary>Machine's UUID. Server: <c>machine_id</c>.</summary>
    public string? MachineId { get; internal set; }

    /// <summary>Kind of machine, such as <c>comfy-deploy-serverless</c>. Server: <c>machine_type</c>.</summary>
    public string? MachineType { get; internal set; }

    /// <summary>Batch's UUID, in lists. Server: <c>batch_id</c>.</summary>
    public string? BatchId { get; internal set; }

    /// <summary>Where the run came from, such as <c>api</c> or <c>manual</c>. Server: <c>origin</c>.</summary>
    public string? Origin { get; internal set; }

    /// <summary>Who queued it. Server: <c>user_id</c>.</summary>
    public string? UserId { get; internal set; }

    /// <summary>The organization it belongs to, null for a personal account. Server: <c>org_id</c>.</summary>
    public string? OrgId { get; internal set; }

    /// <summary>The run this one repeats.</summary>
    public string? RestartOf { get; internal set; }

    /// <summary>Name of the connection the run was read with.</summary>
    public string? ConnectionName => Connection?.Name;

    /// <summary>The graph that ran, on the first service only. Server: <c>workflow_api</c>.</summary>
    [Hidden]
    public object? WorkflowApi => FreeJson.Read(WorkflowApiJson);

    /// <summary>The run's log lines, on the first service only. Server: <c>run_log</c>.</summary>
    [Hidden]
    public object? Log => FreeJson.Read(LogJson);

    /// <summary>Fields of the answer this version does not know, as a custom object; null when there is none.</summary>
    [Hidden]
    public PSObject? AdditionalProperties => FreeJson.ReadObject(AdditionalJson);

    /// <summary>Address the service calls on changes. Server: <c>webhook</c>.</summary>
    [Hidden]
    public string? Webhook { get; internal set; }

    /// <summary>Server: <c>webhook_status</c>; today's service never fills it.</summary>
    [Hidden]
    public string? WebhookStatus { get; internal set; }

    /// <summary>Whether the webhook is also called at every node. Server: <c>webhook_intermediate_status</c>.</summary>
    [Hidden]
    public bool? WebhookIntermediateStatus { get; internal set; }

    /// <summary>The GPU's billing event. Server: <c>gpu_event_id</c>.</summary>
    [Hidden]
    public string? GpuEventId { get; internal set; }

    /// <summary>The cloud's call; a run without one cannot be cancelled. Server: <c>modal_function_call_id</c>.</summary>
    [Hidden]
    public string? FunctionCallId { get; internal set; }

    /// <summary>Server: <c>machine_version</c>.</summary>
    [Hidden]
    public string? MachineVersion { get; internal set; }

    /// <summary>Server: <c>number</c>; always 0 on today's service.</summary>
    [Hidden]
    public int? Number { get; internal set; }

    /// <summary>Server: <c>is_realtime</c>.</summary>
    [Hidden]
    public bool? IsRealtime { get; internal set; }

    /// <summary>Last change, local time. Server: <c>updated_at</c>.</summary>
    [Hidden]
    public DateTime? UpdatedAt { get; internal set; }

    /// <summary>Where the run was read, so that what is piped on goes to the right account.</summary>
    internal ComfyConnection? Connection { get; set; }

    ComfyConnection? IConnected.Connection => Connection;

    /// <summary>
    /// Whether the run may still bill: not over, or <c>timeout</c> without an end. The service computes such a time-out when it is asked,
    /// and stops nothing.
    /// </summary>
    internal bool IsActive => !IsFinished || (Status == RunStatus.Timeout && EndedAt is null);

    /// <summary>Read by its own id, with inputs and outputs; lists leave them out.</summary>
    internal bool IsDetailed { get; set; }

    /// <summary>How far the service's clock, which stamped the dates, is ahead of this machine's.</summary>
    internal TimeSpan ClockOffset { get; set; }

    internal string? InputsJson { get; set; }

    internal string? WorkflowApiJson { get; set; }

    internal string? LogJson { get; set; }

    internal string? AdditionalJson { get; set; }

    /// <summary>The run's id.</summary>
    public override string ToString() => RunId ?? Status ?? string.Empty;

    /// <summary>Fills in what only the caller knows and <c>GET /run/{id}</c> does not tell.</summary>
    internal void CarryOver(RunOrigin? known)
    {
        if (known is null) return;
        DeploymentId ??= known.DeploymentId;
        DeploymentName ??= known.DeploymentName;
        WorkflowName ??= known.WorkflowName;
        Label ??= known.Label;
        RestartOf ??= known.RestartOf;
        InputsJson ??= known.InputsJson;
    }
}
