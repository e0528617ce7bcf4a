using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Writes the lines of a manifest, and reads them in full.</summary>
internal static class ManifestLine
{
    private const int Version = 1;

    // A longer value stands as its hash: an image in the inputs has megabytes.
    private const int MaxValue = 1024;

    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 1000 };

    internal static string Header(ManifestHeader header) => JsonText.Build(writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("manifest", Version);
        Write(writer, ("base_uri", header.BaseUri), ("user_id", header.UserId), ("org_id", header.OrgId), ("created_at", Time(DateTime.UtcNow)));
        writer.WriteEndObject();
    });

    internal static string Intent(ManifestIntent intent) => Event("intent", intent.Key, intent.At, writer =>
    {
        ComfyRun run = intent.Run;
        writer.WriteNumber("row", intent.Row);
        Write(writer, ("label", run.Label), ("deployment_id", run.DeploymentId), ("deployment", run.DeploymentName),
            ("workflow_id", run.WorkflowId), ("workflow", run.WorkflowName), ("version_id", run.WorkflowVersionId),
            ("machine_id", run.MachineId), ("gpu", run.Gpu), ("restart_of", run.RestartOf));
        writer.WriteBoolean("is_exact_time", intent.IsExactTime);
        writer.WritePropertyName("inputs");
        using JsonDocument inputs = JsonDocument.Parse(ValidJson.Of(run.InputsJson ?? "{}"), Deep);
        WriteInputs(writer, inputs.RootElement);
    });

    internal static string Queued(string key, string runId) => Event("queued", key, DateTime.UtcNow, writer => Write(writer, ("run", runId)));

    internal static string Refused(string key, string error) =>
        Event("refused", key, DateTime.UtcNow, writer => Write(writer, ("error", SafeText.HideSignatures(error))));

    internal static string Stopping(string key, string runId) =>
        Event("stopping", key, DateTime.UtcNow, writer => Write(writer, ("run", runId)));

    internal static string Ended(string key, ComfyRun run) => Event("ended", key, DateTime.UtcNow, writer =>
    {
        Write(writer, ("run", run.RunId), ("status", run.Status), ("created_at", Time(run.CreatedAt)), ("queued_at", Time(run.QueuedAt)),
            ("started_at", Time(run.StartedAt)), ("ended_at", Time(run.EndedAt)), ("gpu", run.Gpu),
            ("error", run.Error is null ? null : SafeText.HideSignatures(run.Error)));
        Write(writer, ("queue_seconds", run.QueueSeconds), ("cold_start_seconds", run.ColdStartSeconds), ("run_seconds", run.RunSeconds),
            ("total_seconds", run.TotalSeconds));
        if (run.EstimatedCost is { } cost) writer.WriteNumber("cost", cost);
        if (run.OutputCount is { } outputs) writer.WriteNumber("outputs", outputs);
    });

    internal static string Saved(string key, SavedFile file, string folder) => Event("saved", key, DateTime.UtcNow, writer =>
    {
        Write(writer, ("run", file.RunId), ("kind", file.Kind), ("path", Relative(file.Path, folder)));
        writer.WriteNumber("index", file.Index);
        writer.WriteNumber("length", file.Length);
    });

    /// <returns>Null when the line is not the first line of a manifest.</returns>
    internal static ManifestHeader? ReadHeader(byte[] line)
    {
        using JsonDocument header = JsonDocument.Parse(line);
        return header.RootElement.ValueKind == JsonValueKind.Object && header.RootElement.TryGetProperty("manifest", out _)
            && Text(header.RootElement, "base_uri") is { } address
            ? new(address, Text(header.RootElement, "user_id"), Text(header.RootElement, "org_id")) : null;
    }

    internal static ManifestIntent ReadIntent(byte[] line)
    {
        using JsonDocument document = JsonDocument.Parse(line, Deep);
        JsonElement intent = document.RootElement;
        ComfyRun run = new()
        {
            Label = Text(intent, "label"),
            DeploymentId = Text(intent, "deployment_id"),
            DeploymentName = Text(intent, "deployment"),
            WorkflowId = Text(intent, "workflow_id"),
            WorkflowName = Text(intent, "workflow"),
            WorkflowVersionId = Text(intent, "version_id"),
            MachineId = Text(intent, "machine_id"),
            Gpu = Text(intent, "gpu"),
            RestartOf = Text(intent, "restart_of"),
            InputsJson = intent.TryGetProperty("inputs", out JsonElement inputs) ? inputs.GetRawText() : null,
        };
        bool isExact = intent.TryGetProperty("is_exact_time", out JsonElement exact) && exact.ValueKind == JsonValueKind.True;
        return new(Text(intent, "key")!, 0, run, Time(intent, "at") ?? DateTime.MinValue, isExact);
    }

    internal static ComfyRun ReadEnd(byte[] line, ComfyConnection connection)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        JsonElement end = document.RootElement;
        return new()
        {
            RunId = Text(end, "run"),
            Status = Text(end, "status"),
            CreatedAt = Time(end, "created_at")?.ToLocalTime(),
            QueuedAt = Time(end, "queued_at")?.ToLocalTime(),
            StartedAt = Time(end, "started_at")?.ToLocalTime(),
            EndedAt = Time(end, "ended_at")?.ToLocalTime(),
            Gpu = Text(end, "gpu"),
            Error = Text(end, "error"),
            QueueSeconds = Number(end, "queue_seconds"),
            ColdStartSeconds = Number(end, "cold_start_seconds"),
            RunSeconds = Number(end, "run_seconds"),
            TotalSeconds = Number(end, "total_seconds"),
            EstimatedCost = end.TryGetProperty("cost", out JsonElement cost) && cost.TryGetDecimal(out decimal dollars) ? dollars : null,
            RecordedOutputs = (int?)Number(end, "outputs"),
            Connection = connection,
        };
    }

    internal static SavedFile ReadSaved(byte[] line, string folder)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        JsonElement file = document.RootElement;
        return new(Text(file, "run")!, (int)(Number(file, "index") ?? 0), Text(file, "kind"),
            Path.GetFullPath(Path.Combine(folder, Text(file, "path")!)), (long)(Number(file, "length") ?? 0));
    }

    private static string Event(string name, string key, DateTime at, Action<Utf8JsonWriter> write) => JsonText.Build(writer =>
    {
        writer.WriteStartObject();
        Write(writer, ("event", name), ("key", key), ("at", Time(at)));
        write(writer);
        writer.WriteEndObject();
    });

    private static void Write(Utf8JsonWriter writer, params (string Name, string? Value)[] members)
    {
        foreach ((string name, string? value) in members)
        {
            if (value is not null) writer.WriteString(name, value);
        }
    }

    private static void Write(Utf8JsonWriter writer, params (string Name, double? Value)[] members)
    {
        foreach ((string name, double? value) in members)
        {
            if (value is not null) writer.WriteNumber(name, value.Value);
        }
    }

    private static void WriteInputs(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (JsonProperty member in value.EnumerateObject())
                {
                    writer.WritePropertyName(member.Name);
                    WriteInputs(writer, member.Value);
                }
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (JsonElement item in value.EnumerateArray()) WriteInputs(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(Recorded(value.GetString()!));
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }

    /// <summary>The text of an input: a long one as its hash, and a signed link without its query, which gives access to the file.</summary>
    private static string Recorded(string text)
    {
        if (text.Length <= MaxValue) return SafeText.CutSignatures(text);
        string prefix = text.StartsWith("data:", StringComparison.OrdinalIgnoreCase) ? "data:" : string.Empty;
        return $"{prefix}sha256:{HashOf(text)}";
    }

    /// <summary>What a long text is recorded as.</summary>
    internal static string HashOf(string text)
    {
        using SHA256 sha = SHA256.Create();
        byte[] hash = sha.ComputeHash(Encoding.UTF8.GetBytes(text));
        return Hex.Of(hash, hash.Length);
    }

    /// <summary>Below the folder, a path goes with it to another machine.</summary>
    private static string Relative(string path, string folder) => path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)
        ? path.Substring(folder.Length + 1).Replace('\\', '/') : path;

    private static string? Time(DateTime? time) => time?.ToUniversalTime().ToString("o", CultureInfo.InvariantCulture);

    private static DateTime? Time(JsonElement line, string name) =>
        DateTime.TryParse(Text(line, name), CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out DateTime time) ? time : null;

    private static string? Text(JsonElement line, string name) =>
        line.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static double? Number(JsonElement line, string name) =>
        line.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number)
            ? number : null;
}
