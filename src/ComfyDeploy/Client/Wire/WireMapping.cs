using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>From the wire's names and units to ours.</summary>
internal static class WireMapping
{
    internal static ComfyRun ToRun(this RunWire wire, ComfyConnection connection)
    {
        ComfyRun run = new()
        {
            RunId = wire.Id,
            Status = wire.Status,
            Gpu = wire.Gpu,
            CreatedAt = wire.CreatedAt,
            QueuedAt = wire.QueuedAt,
            StartedAt = wire.StartedAt,
            EndedAt = wire.EndedAt,
            UpdatedAt = wire.UpdatedAt,
            QueueSeconds = wire.QueueDuration ?? Seconds(wire.CreatedAt, wire.QueuedAt),
            ColdStartSeconds = wire.ColdStartDuration ?? Seconds(wire.QueuedAt, wire.StartedAt),
            RunSeconds = wire.RunDuration ?? Seconds(wire.StartedAt, wire.EndedAt),
            TotalSeconds = wire.Duration ?? Seconds(wire.CreatedAt, wire.EndedAt),
            PercentComplete = wire.Progress is { } share ? (int)Math.Round(Math.Min(Math.Max(share, 0), 1) * 100) : null,
            LiveStatus = wire.LiveStatus,
            QueuePosition = ToInt(wire.QueuePosition),
            InputsJson = wire.WorkflowInputs?.GetRawText(),
            DeploymentId = wire.DeploymentId,
            WorkflowId = wire.WorkflowId,
            WorkflowVersionId = wire.WorkflowVersionId,
            MachineId = wire.MachineId,
            MachineType = wire.MachineType,
            BatchId = wire.BatchId,
            Origin = wire.Origin,
            UserId = wire.UserId,
            OrgId = wire.OrgId,
            Webhook = wire.Webhook,
            WebhookStatus = wire.WebhookStatus,
            WebhookIntermediateStatus = wire.WebhookIntermediateStatus,
            GpuEventId = wire.GpuEventId,
            FunctionCallId = wire.FunctionCallId,
            MachineVersion = wire.MachineVersion,
            Number = ToInt(wire.Number),
            IsRealtime = wire.IsRealtime,
            WorkflowApiJson = wire.WorkflowApi,
            LogJson = wire.RunLog,
            AdditionalJson = wire.Unknown,
            Connection = connection,
        };
        run.Outputs = OutputReader.Read(wire.Outputs, run);
        return run;
    }

    internal static ComfyDeployment ToDeployment(this DeploymentWire wire, ComfyConnection connection) => new()
    {
        DeploymentId = wire.Id ?? string.Empty,
        Name = wire.Workflow?.Name,
        Environment = wire.Environment,
        Gpu = wire.Gpu,
        MachineName = wire.Machine?.Name,
        Version = ToInt(wire.Version?.Number),
        UpdatedAt = wire.UpdatedAt,
        CreatedAt = wire.CreatedAt,
        WorkflowId = wire.WorkflowId,
        WorkflowVersionId = wire.WorkflowVersionId,
        MachineId = wire.MachineId,
        RunTimeoutSeconds = ToInt(wire.RunTimeout),
        Description = wire.Description,
        UserId = wire.UserId,
        OrgId = wire.OrgId,
        Inputs = wire.InputTypes?.Where(input => input.InputId is not null)
            .Select(input => input.ToInput(ComfyDeployment.NameOf(wire.Workflow?.Name, wire.Environment))).ToArray(),
        Connection = connection,
    };

    internal static ComfyDeploymentInput ToInput(this InputWire wire, string? deploymentName) => new()
    {
        Name = wire.InputId!,
        Type = wire.Type,
        Default = ToScalar(wire.DefaultValue),
        Min = wire.MinValue,
        Max = wire.MaxValue,
        Step = wire.Step,
        Options = wire.EnumOptions is { ValueKind: JsonValueKind.Array } options
            ? new([.. options.EnumerateArray().Where(option => option.ValueKind != JsonValueKind.Null).Select(ToText)]) : null,
        Description = wire.Description,
        DisplayName = wire.DisplayName,
        NodeClass = wire.ClassType,
        DeploymentName = deploymentName,
    };

    internal static ComfyWorkflow ToWorkflow(this WorkflowWire wire, ComfyConnection connection) => new()
    {
        WorkflowId = wire.Id ?? string.Empty,
        Name = wire.Name,
        UpdatedAt = wire.UpdatedAt,
        UserName = wire.UserName,
        Connection = connection,
    };

    /// <summary>Text, a number or a Boolean; anything else as JSON, so that a CSV file shows it.</summary>
    private static object? ToScalar(JsonElement? value) => value is { ValueKind: JsonValueKind.Array or JsonValueKind.Object } json
        ? json.GetRawText() : FreeJson.Convert(value);

    private static string ToText(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private static double? Seconds(DateTime? from, DateTime? to) =>
        // In UTC: local times are an hour off when the clocks change between the two.
        from is { } start && to is { } end ? Math.Max(0, (end.ToUniversalTime() - start.ToUniversalTime()).TotalSeconds) : null;

    private static int? ToInt(double? number) => number is >= int.MinValue and <= int.MaxValue ? (int)number : null;
}
