using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Writes the lines of a manifest, without their ends.</summary>
internal static class ManifestLines
{
    internal static string Intent(ManifestIntent intent) => Line("intent", intent.Key, intent.At, writer =>
    {
        ComfyRun run = intent.Run;
        writer.WriteNumber("row", intent.Number);
        writer.WriteNumber("attempt", intent.Attempt);
        writer.WriteText("label", run.Label);
        writer.WriteText("deployment_id", run.DeploymentId);
        writer.WriteText("deployment", run.DeploymentName);
        writer.WriteText("workflow_id", run.WorkflowId);
        writer.WriteText("workflow", run.WorkflowName);
        writer.WriteText("version_id", run.WorkflowVersionId);
        writer.WriteText("machine_id", run.MachineId);
        writer.WriteText("gpu", run.Gpu);
        writer.WriteText("restart_of", run.RestartOf);
        writer.WriteBoolean("is_exact_time", intent.IsExactTime);
        writer.WritePropertyName("inputs");
        writer.WriteRawValue(RecordedInputs.Of(run.InputsJson ?? "{}"), skipInputValidation: true);
    });

    internal static string OfRun(string name, RowKey key, DateTime at, string runId) =>
        Line(name, key, at, writer => WriteRun(writer, runId));

    internal static string Refused(RowKey key, DateTime at, string error) =>
        Line("refused", key, at, writer => writer.WriteString("error", SafeText.HideSignatures(error)));

    internal static string Ended(RowKey key, DateTime at, ComfyRun run) => Line("ended", key, at, writer =>
    {
        WriteRun(writer, run.RunId);
        writer.WriteText("status", run.Status);
        writer.WriteTime("created_at", run.CreatedAt);
        writer.WriteTime("queued_at", run.QueuedAt);
        writer.WriteTime("started_at", run.StartedAt);
        writer.WriteTime("ended_at", run.EndedAt);
        writer.WriteText("gpu", run.Gpu);
        writer.WriteText("error", run.Error is null ? null : SafeText.HideSignatures(run.Error));
        if (run.EstimatedCost is { } cost) writer.WriteNumber("cost", cost);
        writer.WriteNumber("output_count", run.OutputCount);
        writer.WriteNumber("queue_seconds", run.QueueSeconds);
        writer.WriteNumber("cold_start_seconds", run.ColdStartSeconds);
        writer.WriteNumber("run_seconds", run.RunSeconds);
        writer.WriteNumber("total_seconds", run.TotalSeconds);
    });

    internal static string Saved(RowKey key, DateTime at, SavedFile file, string path) => Line("saved", key, at, writer =>
    {
        WriteRun(writer, file.RunId);
        writer.WriteNumber("index", file.Index);
        writer.WriteString("kind", file.Kind);
        writer.WriteString("path", path);
        writer.WriteNumber("length", file.Length);
    });

    // In one form, by which it is read back.
    private static void WriteRun(Utf8JsonWriter writer, string? runId) =>
        writer.WriteText("run", Guid.TryParse(runId, out Guid id) ? id.ToString() : null);

    private static string Line(string name, RowKey key, DateTime at, Action<Utf8JsonWriter> write) => JsonText.Build(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("event", name);
        writer.WriteString("key", key.ToString());
        writer.WriteTime("at", at);
        write(writer);
        writer.WriteEndObject();
    });
}
