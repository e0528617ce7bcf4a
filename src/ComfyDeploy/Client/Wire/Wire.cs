using System.Text.Json;
using System.Text.Json.Serialization;

namespace ComfyDeploy.Client;

/// <summary>A run on the wire: the first service's 24 fields, today's 32, and what only lists carry.</summary>
internal sealed class RunWire
{
    [JsonPropertyName("id"), JsonConverter(typeof(LenientText))] public string? Id { get; set; }
    [JsonPropertyName("workflow_version_id"), JsonConverter(typeof(LenientText))] public string? WorkflowVersionId { get; set; }
    [JsonPropertyName("workflow_inputs"), JsonConverter(typeof(RawJson))] public string? WorkflowInputs { get; set; }
    [JsonPropertyName("workflow_id"), JsonConverter(typeof(LenientText))] public string? WorkflowId { get; set; }
    [JsonPropertyName("workflow_api"), JsonConverter(typeof(RawJson))] public string? WorkflowApi { get; set; }
    [JsonPropertyName("machine_id"), JsonConverter(typeof(LenientText))] public string? MachineId { get; set; }
    [JsonPropertyName("origin"), JsonConverter(typeof(LenientText))] public string? Origin { get; set; }
    [JsonPropertyName("status"), JsonConverter(typeof(LenientText))] public string? Status { get; set; }
    [JsonPropertyName("ended_at"), JsonConverter(typeof(LenientTime))] public DateTime? EndedAt { get; set; }
    [JsonPropertyName("created_at"), JsonConverter(typeof(LenientTime))] public DateTime? CreatedAt { get; set; }
    [JsonPropertyName("updated_at"), JsonConverter(typeof(LenientTime))] public DateTime? UpdatedAt { get; set; }
    [JsonPropertyName("queued_at"), JsonConverter(typeof(LenientTime))] public DateTime? QueuedAt { get; set; }
    [JsonPropertyName("started_at"), JsonConverter(typeof(LenientTime))] public DateTime? StartedAt { get; set; }
    [JsonPropertyName("gpu_event_id"), JsonConverter(typeof(LenientText))] public string? GpuEventId { get; set; }
    [JsonPropertyName("gpu"), JsonConverter(typeof(LenientText))] public string? Gpu { get; set; }
    [JsonPropertyName("machine_version"), JsonConverter(typeof(LenientText))] public string? MachineVersion { get; set; }
    [JsonPropertyName("machine_type"), JsonConverter(typeof(LenientText))] public string? MachineType { get; set; }
    [JsonPropertyName("modal_function_call_id"), JsonConverter(typeof(LenientText))] public string? FunctionCallId { get; set; }
    [JsonPropertyName("user_id"), JsonConverter(typeof(LenientText))] public string? UserId { get; set; }
    [JsonPropertyName("org_id"), JsonConverter(typeof(LenientText))] public string? OrgId { get; set; }
    [JsonPropertyName("run_log"), JsonConverter(typeof(RawJson))] public string? RunLog { get; set; }
    [JsonPropertyName("live_status"), JsonConverter(typeof(LenientText))] public string? LiveStatus { get; set; }
    [JsonPropertyName("progress"), JsonConverter(typeof(LenientNumber))] public double? Progress { get; set; }
    [JsonPropertyName("is_realtime"), JsonConverter(typeof(LenientBoolean))] public bool? IsRealtime { get; set; }
    [JsonPropertyName("webhook"), JsonConverter(typeof(LenientText))] public string? Webhook { get; set; }
    [JsonPropertyName("webhook_status"), JsonConverter(typeof(LenientText))] public string? WebhookStatus { get; set; }
    [JsonPropertyName("webhook_intermediate_status"),
        JsonConverter(typeof(LenientBoolean))]
    public bool? WebhookIntermediateStatus { get; set; }
    [JsonPropertyName("outputs"), JsonConverter(typeof(RawJson))] public string? Outputs { get; set; }
    [JsonPropertyName("number"), JsonConverter(typeof(LenientNumber))] public double? Number { get; set; }
    [JsonPropertyName("duration"), JsonConverter(typeof(LenientNumber))] public double? Duration { get; set; }
    [JsonPropertyName("comfy_deploy_cold_start"), JsonConverter(typeof(LenientNumber))] public double? QueueDuration { get; set; }
    [JsonPropertyName("cold_start_duration"), JsonConverter(typeof(LenientNumber))] public double? ColdStartDuration { get; set; }
    [JsonPropertyName("cold_start_duration_total"),
        JsonConverter(typeof(LenientNumber))]
    public double? ColdStartDurationTotal { get; set; }
    [JsonPropertyName("run_duration"), JsonConverter(typeof(LenientNumber))] public double? RunDuration { get; set; }
    [JsonPropertyName("queue_position"), JsonConverter(typeof(LenientNumber))] public double? QueuePosition { get; set; }
    [JsonPropertyName("batch_id"), JsonConverter(typeof(LenientText))] public string? BatchId { get; set; }
    [JsonPropertyName("deployment_id"), JsonConverter(typeof(LenientText))] public string? DeploymentId { get; set; }
    [JsonExtensionData] public Dictionary<string, JsonElement>? Unknown { get; set; }
}

internal sealed class RunPageWire
{
    [JsonPropertyName("data")] public List<RunWire>? Data { get; set; }
}

internal sealed class CreatedRunWire
{
    [JsonPropertyName("run_id"), JsonConverter(typeof(LenientText))] public string? RunId { get; set; }
}

internal sealed class DeploymentWire
{
    [JsonPropertyName("id"), JsonConverter(typeof(LenientText))] public string? Id { get; set; }
    [JsonPropertyName("user_id"), JsonConverter(typeof(LenientText))] public string? UserId { get; set; }
    [JsonPropertyName("org_id"), JsonConverter(typeof(LenientText))] public string? OrgId { get; set; }
    [JsonPropertyName("workflow_version_id"), JsonConverter(typeof(LenientText))] public string? WorkflowVersionId { get; set; }
    [JsonPropertyName("workflow_id"), JsonConverter(typeof(LenientText))] public string? WorkflowId { get; set; }
    [JsonPropertyName("machine_id"), JsonConverter(typeof(LenientText))] public string? MachineId { get; set; }
    [JsonPropertyName("description"), JsonConverter(typeof(LenientText))] public string? Description { get; set; }
    [JsonPropertyName("environment"), JsonConverter(typeof(LenientText))] public string? Environment { get; set; }
    [JsonPropertyName("created_at"), JsonConverter(typeof(LenientTime))] public DateTime? CreatedAt { get; set; }
    [JsonPropertyName("updated_at"), JsonConverter(typeof(LenientTime))] public DateTime? UpdatedAt { get; set; }
    [JsonPropertyName("gpu"), JsonConverter(typeof(LenientText))] public string? Gpu { get; set; }
    [JsonPropertyName("run_timeout"), JsonConverter(typeof(LenientNumber))] public double? RunTimeout { get; set; }
    [JsonPropertyName("workflow"), JsonConverter(typeof(LenientNamed))] public NamedWire? Workflow { get; set; }
    [JsonPropertyName("machine"), JsonConverter(typeof(LenientNamed))] public NamedWire? Machine { get; set; }
    [JsonPropertyName("version"), JsonConverter(typeof(LenientVersion))] public VersionWire? Version { get; set; }
    [JsonPropertyName("input_types"), JsonConverter(typeof(LenientInputs))] public List<InputWire>? InputTypes { get; set; }
}

internal sealed class NamedWire
{
    [JsonPropertyName("id"), JsonConverter(typeof(LenientText))] public string? Id { get; set; }
    [JsonPropertyName("name"), JsonConverter(typeof(LenientText))] public string? Name { get; set; }
    [JsonPropertyName("gpu"), JsonConverter(typeof(LenientText))] public string? Gpu { get; set; }
}

internal sealed class VersionWire
{
    [JsonPropertyName("version"), JsonConverter(typeof(LenientNumber))] public double? Number { get; set; }
}

internal sealed class InputWire
{
    [JsonPropertyName("input_id"), JsonConverter(typeof(LenientText))] public string? InputId { get; set; }
    [JsonPropertyName("type"), JsonConverter(typeof(LenientText))] public string? Type { get; set; }
    [JsonPropertyName("class_type"), JsonConverter(typeof(LenientText))] public string? ClassType { get; set; }
}

internal sealed class WorkflowWire
{
    [JsonPropertyName("id"), JsonConverter(typeof(LenientText))] public string? Id { get; set; }
    [JsonPropertyName("name"), JsonConverter(typeof(LenientText))] public string? Name { get; set; }
    [JsonPropertyName("updated_at"), JsonConverter(typeof(LenientTime))] public DateTime? UpdatedAt { get; set; }
    [JsonPropertyName("user_name"), JsonConverter(typeof(LenientText))] public string? UserName { get; set; }
}

internal sealed class LogLineWire
{
    [JsonPropertyName("log"), JsonConverter(typeof(LenientText))] public string? Log { get; set; }
}

/// <summary>Serializers made at build time: no reflection, instant start.</summary>
[JsonSerializable(typeof(RunWire))]
[JsonSerializable(typeof(List<RunWire>))]
[JsonSerializable(typeof(RunPageWire))]
[JsonSerializable(typeof(CreatedRunWire))]
[JsonSerializable(typeof(DeploymentWire))]
[JsonSerializable(typeof(List<DeploymentWire>))]
[JsonSerializable(typeof(NamedWire))]
[JsonSerializable(typeof(VersionWire))]
[JsonSerializable(typeof(InputWire))]
[JsonSerializable(typeof(List<InputWire>))]
[JsonSerializable(typeof(List<WorkflowWire>))]
[JsonSerializable(typeof(List<NamedWire>))]
[JsonSerializable(typeof(List<LogLineWire>))]
[JsonSerializable(typeof(Dictionary<string, decimal>))]
[JsonSerializable(typeof(Dictionary<string, JsonElement>))]
internal sealed partial class WireContext : JsonSerializerContext;
