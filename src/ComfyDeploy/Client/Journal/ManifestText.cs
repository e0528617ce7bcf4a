using System.Text;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Reads the text of rows again when it is asked for.</summary>
/// <param name="path">The manifest.</param>
/// <param name="unwritten">What is not in the file yet, from there; null when it is.</param>
internal sealed class ManifestText(string path, Func<long, byte[]?> unwritten) : IDisposable
{
    private const int PieceSize = 1024;

    private readonly object _gate = new();
    private FileStream? _file;

    public void Dispose()
    {
        lock (_gate)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    /// <summary>The row as a run, without a request; what the service alone knows is null.</summary>
    internal ComfyRun ToRun(ManifestRow row, ComfyConnection connection)
    {
        JsonElement intent = Line(row.IntentAt), answer = Line(row.AnswerAt);
        bool isQueued = row.RunId is not null;
        string? ended = row.State == RowState.Ended ? answer.Text("status") : null;
        ComfyRun run = new()
        {
            RunId = row.RunId,
            Status = row.State == RowState.Ended ? ended : isQueued ? RunStatus.NotStarted : RunStatus.NotQueued,
            IsUnconfirmed = row.State == RowState.Intended,
            Error = row.State == RowState.Intended ? "It is not known whether the row was queued." : answer.Text("error"),
            Label = intent.Text("label"),
            DeploymentId = intent.Text("deployment_id"),
            DeploymentName = intent.Text("deployment"),
            WorkflowId = intent.Text("workflow_id"),
            WorkflowName = intent.Text("workflow"),
            WorkflowVersionId = intent.Text("version_id"),
            MachineId = intent.Text("machine_id"),
            RestartOf = intent.Text("restart_of"),
            Gpu = answer.Text("gpu") ?? intent.Text("gpu"),
            CreatedAt = answer.Time("created_at") ?? (isQueued ? intent.Time("at") : null),
            QueuedAt = answer.Time("queued_at"),
            StartedAt = answer.Time("started_at"),
            PercentComplete = ended == RunStatus.Success ? 100 : null,
            EndedAt = answer.Time("ended_at"),
            EstimatedCost = (decimal?)answer.Number("cost"),
            RecordedOutputCount = (int?)answer.Number("output_count"),
            QueueSeconds = answer.Number("queue_seconds"),
            ColdStartSeconds = answer.Number("cold_start_seconds"),
            RunSeconds = answer.Number("run_seconds"),
            TotalSeconds = answer.Number("total_seconds"),
            InputsJson = intent.TryGetProperty("inputs", out JsonElement inputs) ? inputs.GetRawText() : null,
            Origin = "api",
            Connection = connection,
            Entry = new(path, row.Key.ToString()),
            IsRecorded = true,
        };
        return run;
    }

    /// <summary>The last intent.</summary>
    internal ManifestIntent ReadIntent(ManifestRow row, ComfyConnection connection)
    {
        JsonElement intent = Line(row.IntentAt);
        DateTime at = intent.Time("at")?.ToUniversalTime() ?? DateTime.MinValue;
        bool isExact = intent.TryGetProperty("is_exact_time", out JsonElement exact) && exact.ValueKind == JsonValueKind.True;
        return new(row.Key, row.Number, row.Attempt, at, isExact, ToRun(row, connection));
    }

    /// <summary>The files of the last run, as far as their paths are valid on this system.</summary>
    internal IReadOnlyList<SavedFile> ReadSaved(ManifestRow row) =>
        [.. row.SavedAt.Select(at => ToSaved(row.RunId!, Line(at))).OfType<SavedFile>()];

    private SavedFile? ToSaved(string runId, JsonElement line)
    {
        try
        {
            string file = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, line.Text("path") ?? string.Empty));
            int index = (int)(line.Number("index") ?? 0);
            return new(runId, index, line.Text("kind") ?? string.Empty, file, (long)(line.Number("length") ?? 0));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or PathTooLongException)
        {
            return null;
        }
    }

    private JsonElement Line(long at)
    {
        try
        {
            string text = at < 0 ? "{}" : Encoding.UTF8.GetString(Bytes(at));
            using JsonDocument line = JsonDocument.Parse(ValidJson.Of(text), new() { MaxDepth = 1001 });
            return line.RootElement.Clone();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw Errors.FileUnreadable(path, e);
        }
    }

    private byte[] Bytes(long at)
    {
        byte[] line = unwritten(at) ?? [];
        lock (_gate)
        {
            if (line.Length == 0)
            {
                _file ??= new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, PieceSize);
                _file.Seek(at, SeekOrigin.Begin);
            }
            int filled = line.Length;
            int end;
            while ((end = Array.IndexOf(line, (byte)'\n')) < 0)
            {
                Array.Resize(ref line, filled + PieceSize);
                int read = _file!.Read(line, filled, PieceSize);
                if (read == 0) break;
                filled += read;
            }
            return [.. line.Take(end < 0 ? filled : end)];
        }
    }
}
