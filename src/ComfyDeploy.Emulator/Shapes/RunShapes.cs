using System.Globalization;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Shapes;

/// <summary>A run as each of the service's routes writes it.</summary>
internal sealed class RunShapes(OutputShapes outputs)
{
    /// <summary>GET /run/{id}: 32 keys, form A, durations as numbers.</summary>
    public JsonObject Single(RunView view, int? queuePosition)
    {
        Run run = view.Run;
        return new JsonObject
        {
            ["id"] = Id(run.Id),
            ["workflow_version_id"] = Id(run.VersionId),
            ["workflow_inputs"] = run.Inputs.DeepClone(),
            ["workflow_id"] = Id(run.Workflow.Id),
            ["machine_id"] = Id(run.Machine.Id),
            ["origin"] = run.Origin,
            ["status"] = view.Status,
            ["ended_at"] = Stamps.MicrosZ(view.EndedAt),
            ["created_at"] = Stamps.MicrosZ(run.CreatedAt),
            ["updated_at"] = Stamps.MicrosZ(view.UpdatedAt),
            ["queued_at"] = Stamps.MicrosZ(view.QueuedAt),
            ["started_at"] = Stamps.MicrosZ(view.StartedAt),
            ["gpu_event_id"] = GpuEvent(view),
            ["gpu"] = run.Gpu,
            ["machine_version"] = null,
            ["machine_type"] = run.Machine.Type,
            ["modal_function_call_id"] = run.CallId,
            ["user_id"] = run.UserId,
            ["org_id"] = run.OrgId,
            ["live_status"] = view.LiveStatus,
            ["progress"] = AsReal(view.Progress),
            ["is_realtime"] = false,
            ["webhook"] = run.Webhook,
            ["webhook_status"] = null,
            ["webhook_intermediate_status"] = run.WebhookIntermediateStatus,
            ["outputs"] = outputs.Typed(view),
            ["number"] = 0,
            ["duration"] = Seconds(run.CreatedAt, view.EndedAt),
            ["cold_start_duration"] = Seconds(view.QueuedAt, view.StartedAt),
            ["cold_start_duration_total"] = Seconds(run.CreatedAt, view.StartedAt),
            ["run_duration"] = Seconds(view.StartedAt, view.EndedAt),
            ["queue_position"] = queuePosition,
        };
    }

    /// <summary>GET /v2/workflow/{id}/runs: 25 keys, form B, durations as text.</summary>
    public static JsonObject Brief(RunView view)
    {
        Run run = view.Run;
        return new JsonObject
        {
            ["id"] = Id(run.Id),
            ["status"] = view.Status,
            ["created_at"] = Stamps.MillisZ(run.CreatedAt),
            ["updated_at"] = Stamps.MillisZ(view.UpdatedAt),
            ["ended_at"] = Stamps.MillisZ(view.EndedAt),
            ["queued_at"] = Stamps.MillisZ(view.QueuedAt),
            ["started_at"] = Stamps.MillisZ(view.StartedAt),
            ["workflow_id"] = Id(run.Workflow.Id),
            ["user_id"] = run.UserId,
            ["org_id"] = run.OrgId,
            ["origin"] = run.Origin,
            ["gpu"] = run.Gpu,
            ["machine_version"] = null,
            ["machine_type"] = run.Machine.Type,
            ["modal_function_call_id"] = run.CallId,
            ["webhook_status"] = null,
            ["webhook_intermediate_status"] = run.WebhookIntermediateStatus,
            ["batch_id"] = Id(run.BatchId),
            ["workflow_version_id"] = Id(run.VersionId),
            ["deployment_id"] = Id(run.Deployment?.Id),
            ["duration"] = SecondsText(run.CreatedAt, view.EndedAt),
            ["comfy_deploy_cold_start"] = SecondsText(run.CreatedAt, view.QueuedAt),
            ["cold_start_duration"] = SecondsText(view.QueuedAt, view.StartedAt),
            ["cold_start_duration_total"] = SecondsText(run.CreatedAt, view.StartedAt),
            ["run_duration"] = SecondsText(view.StartedAt, view.EndedAt),
        };
    }

    /// <summary>The raw row, as GET /workflow/{id}/run/latest writes it: form B, no durations.</summary>
    public JsonObject Row(RunView view, bool withInputs, bool withOutputs)
    {
        Run run = view.Run;
        JsonObject row = new()
        {
            ["id"] = Id(run.Id),
            ["status"] = view.Status,
            ["machine_version"] = null,
            ["is_realtime"] = false,
            ["ended_at"] = Stamps.MillisZ(view.EndedAt),
            ["machine_type"] = run.Machine.Type,
            ["webhook"] = run.Webhook,
            ["workflow_version_id"] = Id(run.VersionId),
            ["created_at"] = Stamps.MillisZ(run.CreatedAt),
            ["modal_function_call_id"] = run.CallId,
            ["updated_at"] = Stamps.MillisZ(view.UpdatedAt),
            ["user_id"] = run.UserId,
            ["webhook_status"] = null,
            ["workflow_id"] = Id(run.Workflow.Id),
            ["queued_at"] = Stamps.MillisZ(view.QueuedAt),
            ["org_id"] = run.OrgId,
            ["webhook_intermediate_status"] = run.WebhookIntermediateStatus,
            ["workflow_api"] = new JsonObject(),
            ["started_at"] = Stamps.MillisZ(view.StartedAt),
            ["batch_id"] = Id(run.BatchId),
            ["machine_id"] = Id(run.Machine.Id),
            ["gpu_event_id"] = GpuEvent(view),
            ["live_status"] = view.LiveStatus,
            ["model_id"] = null,
            ["origin"] = run.Origin,
            ["gpu"] = run.Gpu,
            ["progress"] = AsReal(view.Progress),
            ["deployment_id"] = Id(run.Deployment?.Id),
        };
        if (withInputs) row["workflow_inputs"] = run.Inputs.DeepClone();
        if (withOutputs) row["outputs"] = outputs.Raw(view);
        return row;
    }

    /// <summary>GET /workflow/{id}/runs: the raw row with durations as text, its workflow and its version.</summary>
    public JsonObject Full(RunView view, bool withInputs, bool withOutputs)
    {
        Run run = view.Run;
        JsonObject row = Row(view, withInputs, withOutputs);
        row["duration"] = SecondsText(run.CreatedAt, view.EndedAt);
        row["comfy_deploy_cold_start"] = SecondsText(run.CreatedAt, view.QueuedAt);
        row["cold_start_duration"] = SecondsText(view.QueuedAt, view.StartedAt);
        row["cold_start_duration_total"] = SecondsText(run.CreatedAt, view.StartedAt);
        row["run_duration"] = SecondsText(view.StartedAt, view.EndedAt);
        row["workflow"] = WorkflowShapes.Raw(run.Workflow);
        SeedVersion? version = run.Workflow.Versions.Find(v => v.Id == run.VersionId);
        row["version"] = version is null ? null : WorkflowShapes.Version(run.Workflow, version);
        return row;
    }

    /// <summary>GET /deployment/{id}/runs: 13 keys, form C. Its duration is the run time, which the others call run_duration.</summary>
    public static JsonObject OfDeployment(RunView view)
    {
        Run run = view.Run;
        return new JsonObject
        {
            ["id"] = Id(run.Id),
            ["status"] = view.Status,
            ["created_at"] = Stamps.NoZone(run.CreatedAt),
            ["started_at"] = Stamps.NoZone(view.StartedAt),
            ["ended_at"] = Stamps.NoZone(view.EndedAt),
            ["workflow_id"] = Id(run.Workflow.Id),
            ["workflow_version_id"] = Id(run.VersionId),
            ["machine_id"] = Id(run.Machine.Id),
            ["gpu"] = run.Gpu,
            ["origin"] = run.Origin,
            ["user_id"] = run.UserId,
            ["deployment_id"] = Id(run.Deployment?.Id),
            ["duration"] = SecondsText(view.StartedAt, view.EndedAt),
        };
    }

    private static string? GpuEvent(RunView view) => view.LiveStatus is not null && view.Run.Machine.Type != "classic" ? Id(view.Run.GpuEventId) : null;

    private static string Id(Guid id) => id.ToString("D");

    private static string? Id(Guid? id) => id?.ToString("D");

    // Stored as a 32-bit number, read as a 64-bit one: 0.92 comes back as 0.9200000166893005.
    private static double AsReal(double value) => (float)value;

    private static double? Seconds(DateTime? from, DateTime? to) => to is null || from is null ? null : Math.Round((to - from).Value.TotalSeconds, 6);

    private static string? SecondsText(DateTime? from, DateTime? to) => Seconds(from, to)?.ToString("0.000000", CultureInfo.InvariantCulture);
}
