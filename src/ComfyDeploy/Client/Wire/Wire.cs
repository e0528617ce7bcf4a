using System.Text.Json;
using System.Text.Json.Serialization;

namespace ComfyDeploy.Client;

/// <summary>A run on the wire: the first service's 24 fields, today's 32, and what only lists carry.</summary>
[JsonConverter(typeof(RunReader))]
internal sealed class RunWire
{
    public string? Id { get; set; }
    public string? WorkflowVersionId { get; set; }
    public JsonElement? WorkflowInputs { get; set; }
    public string? WorkflowId { get; set; }
    public JsonElement? WorkflowApi { get; set; }
    public string? MachineId { get; set; }
    public string? Origin { get; set; }
    public string? Status { get; set; }
    public DateTime? EndedAt { get; set; }
    public DateTime? CreatedAt { get; set; }
    public DateTime? UpdatedAt { get; set; }
    public DateTime? QueuedAt { get; set; }
    public DateTime? StartedAt { get; set; }
    public string? GpuEventId { get; set; }
    public string? Gpu { get; set; }
    public string? MachineVersion { get; set; }
    public string? MachineType { get; set; }
    public string? FunctionCallId { get; set; }
    public string? UserId { get; set; }
    public string? OrgId { get; set; }
    public JsonElement? RunLog { get; set; }
    public string? LiveStatus { get; set; }
    public double? Progress { get; set; }
    public bool? IsRealtime { get; set; }
    public string? Webhook { get; set; }
    public string? WebhookStatus { get; set; }
    public bool? WebhookIntermediateStatus { get; set; }
    public JsonElement? Outputs { get; set; }
    public double? Number { get; set; }
    public double? Duration { get; set; }
    public double? QueueDuration { get; set; }
    public double? ColdStartDuration { get; set; }
    public double? RunDuration { get; set; }
    public double? QueuePosition { get; set; }
    public string? BatchId { get; set; }
    public string? DeploymentId { get; set; }
    public List<KeyValuePair<string, object?>>? Unknown { get; set; }
}

internal sealed class RunPageWire
{
    public List<RunWire>? Data { get; set; }
}

internal sealed class CreatedRunWire
{
    public string? RunId { get; set; }
}

internal sealed class DeploymentWire
{
    public string? Id { get; set; }
    public string? UserId { get; set; }
    public string? OrgId { get; set; }
    public string? WorkflowVersionId { get; set; }
    public string? WorkflowId { get; set; }
    public string? MachineId { get; set; }
    public string? Description { get; set; }
    public string? Environment { get; set; }
    public DateTime? CreatedAt { get; set; }
    public DateTime? UpdatedAt { get; set; }
    public string? Gpu { get; set; }
    public double? RunTimeout { get; set; }
    [JsonConverter(typeof(LenientNamed))] public NamedWire? Workflow { get; set; }
    [JsonConverter(typeof(LenientNamed))] public NamedWire? Machine { get; set; }
    [JsonConverter(typeof(LenientVersion))] public VersionWire? Version { get; set; }
    public List<InputWire>? InputTypes { get; set; }
}

internal sealed class NamedWire
{
    public string? Id { get; set; }
    public string? Name { get; set; }
    public string? Gpu { get; set; }
}

internal sealed class VersionWire
{
    [JsonPropertyName("version")] public double? Number { get; set; }
}

internal sealed class WorkflowVersionWire
{
    public string? Id { get; set; }
    public string? WorkflowId { get; set; }
    public double? Version { get; set; }
    public JsonElement? WorkflowApi { get; set; }
}

internal sealed class InputWire
{
    public string? InputId { get; set; }
    public string? Type { get; set; }
    public string? ClassType { get; set; }
    public JsonElement? DefaultValue { get; set; }
    public decimal? MinValue { get; set; }
    public decimal? MaxValue { get; set; }
    public decimal? Step { get; set; }
    public JsonElement? EnumOptions { get; set; }
    public string? DisplayName { get; set; }
    public string? Description { get; set; }
}

internal sealed class WorkflowWire
{
    public string? Id { get; set; }
    public string? Name { get; set; }
    public DateTime? UpdatedAt { get; set; }
    public string? UserName { get; set; }
}

internal sealed class UploadWire
{
    public string? FileId { get; set; }
    public string? FileUrl { get; set; }
}

internal sealed class LogLineWire
{
    public string? Log { get; set; }
}

/// <summary>Serializers made at build time: no reflection, instant start.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    Converters =
    [
        typeof(LenientText), typeof(LenientNumber), typeof(LenientDecimal), typeof(LenientBoolean), typeof(LenientTime),
        typeof(LenientRuns), typeof(LenientDeployments), typeof(LenientWorkflows), typeof(LenientNames), typeof(LenientLogLines),
        typeof(LenientInputs),
    ])]
[JsonSerializable(typeof(RunWire))]
[JsonSerializable(typeof(List<RunWire>))]
[JsonSerializable(typeof(RunPageWire))]
[JsonSerializable(typeof(CreatedRunWire))]
[JsonSerializable(typeof(DeploymentWire))]
[JsonSerializable(typeof(List<DeploymentWire>))]
[JsonSerializable(typeof(VersionWire))]
[JsonSerializable(typeof(WorkflowVersionWire))]
[JsonSerializable(typeof(InputWire))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(WorkflowWire))]
[JsonSerializable(typeof(List<WorkflowWire>))]
[JsonSerializable(typeof(NamedWire))]
[JsonSerializable(typeof(List<NamedWire>))]
[JsonSerializable(typeof(UploadWire))]
[JsonSerializable(typeof(LogLineWire))]
[JsonSerializable(typeof(List<LogLineWire>))]
[JsonSerializable(typeof(Dictionary<string, double?>))]
internal sealed partial class WireContext : JsonSerializerContext;
