using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>
/// The journal of a batch: one JSON object a line, appended. It is written before a run is paid for, so that whatever dies, the next call
/// knows what was done. The cmdlets of one process share one writer.
/// </summary>
internal sealed class Manifest : IDisposable
{
    private static readonly Dictionary<string, Manifest> Shared = new(StringComparer.Ordinal);

    private readonly JournalFile _file;
    private readonly string _path;
    private readonly object _gate = new();
    private readonly Dictionary<string, ManifestRow> _rows = new(StringComparer.Ordinal);
    private readonly HashSet<Guid> _runs = [];
    private ManifestHeader? _header;
    private ICallLog? _log;
    private int _users = 1;
    private bool _hasWarned;

    private Manifest(string path, JournalFile file, ICallLog? log) => (_path, _file, _log) = (path, file, log);

    /// <summary>How often it was flushed to the disk.</summary>
    internal int Flushes => _file.Flushes;

    /// <summary>The rows, in the order of the batch.</summary>
    internal IReadOnlyList<ManifestRow> Rows
    {
        get
        {
            lock (_gate) return [.. _rows.Values.OrderBy(row => row.Number).ThenBy(row => row.Offset)];
        }
    }

    /// <summary>Opens a manifest to record in it, together with the other cmdlets of this process.</summary>
    /// <param name="path">The full path; the file is created when it does not exist.</param>
    /// <param name="connection">The account of its runs.</param>
    /// <param name="log">Receives a warning when something can no longer be recorded.</param>
    /// <exception cref="ComfyDeployException">ManifestInUse, ManifestMismatch, ManifestInvalid, ManifestUnwritable.</exception>
    internal static Manifest Open(string path, ComfyConnection connection, ICallLog log)
    {
        lock (Shared)
        {
            if (Shared.TryGetValue(path, out Manifest? open))
            {
                open.CheckAccount(connection);
                open._users++;
                open._log = log;
                return open;
            }
            Manifest manifest = new(path, JournalFile.OpenToAppend(path), log);
            try
            {
                manifest.Load(connection, isWriter: true);
            }
            catch (ComfyDeployException)
            {
                manifest._file.Dispose();
                throw;
            }
            Shared.Add(path, manifest);
            return manifest;
        }
    }

    /// <summary>Reads a manifest as it is now, also while another process writes it.</summary>
    /// <exception cref="ComfyDeployException">FileNotFound, ManifestMismatch, ManifestInvalid.</exception>
    internal static Manifest Read(string path, ComfyConnection connection)
    {
        Manifest manifest = new(path, JournalFile.OpenToRead(path), log: null);
        try
        {
            manifest.Load(connection, isWriter: false);
            return manifest;
        }
        catch (ComfyDeployException)
        {
            manifest._file.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        lock (Shared)
        {
            if (--_users > 0) return;
            if (Shared.TryGetValue(_path, out Manifest? open) && open == this) Shared.Remove(_path);
            _file.Dispose();
        }
    }

    /// <exception cref="ComfyDeployException">ManifestMismatch.</exception>
    internal void CheckAccount(ComfyConnection connection)
    {
        ManifestHeader given = ManifestHeader.Of(connection);
        if (_header is { } header && header != given) throw Errors.ManifestMismatch(_path, header.ToString(), given.ToString());
    }

    internal ManifestRow? Find(string key)
    {
        lock (_gate) return _rows.TryGetValue(key, out ManifestRow? row) ? row : null;
    }

    /// <summary>Whether a run belongs to a row, in whatever attempt.</summary>
    internal bool HasRun(string runId)
    {
        lock (_gate) return Guid.TryParse(runId, out Guid id) && _runs.Contains(id);
    }

    /// <summary>Records that a run is about to be queued. When this returns, that is on the disk.</summary>
    /// <exception cref="ComfyDeployException">ManifestUnwritable: the run must not be queued.</exception>
    internal async Task IntendAsync(ManifestIntent intent)
    {
        try
        {
            Append(ManifestLine.Intent(intent));
            await _file.FlushToDiskAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            throw Errors.ManifestUnwritable(_path, e);
        }
    }

    /// <summary>The announced run was queued.</summary>
    internal void Queued(string key, string runId) => TryAppend(ManifestLine.Queued(key, runId));

    /// <summary>The service certainly made no run.</summary>
    internal void Refused(string key, string error) => TryAppend(ManifestLine.Refused(key, error));

    /// <summary>The run is about to be cancelled because it is late: the row is queued again another time.</summary>
    internal void Stopping(string key, string runId) => TryAppend(ManifestLine.Stopping(key, runId));

    internal void Ended(string key, ComfyRun run)
    {
        if (Find(key) is { State: RowState.Ended } row && row.RunId == run.RunId && row.Status == run.Status) return;
        TryAppend(ManifestLine.Ended(key, run));
    }

    /// <summary>A file is complete, and about to get its final name.</summary>
    internal void Saved(string key, SavedFile file) => TryAppend(ManifestLine.Saved(key, file, Folder));

    internal ComfyRun ReadRun(ManifestRow row, ComfyConnection connection)
    {
        ManifestIntent intent = ManifestLine.ReadIntent(_file.ReadLine(row.IntentOffset));
        ComfyRun run = row.EndOffset > 0 ? ManifestLine.ReadEnd(_file.ReadLine(row.EndOffset), connection)
            : new() { RunId = row.RunId, Connection = connection, CreatedAt = intent.At.ToLocalTime() };
        return intent.Complete(run, row);
    }

    internal OpenIntent ReadIntent(ManifestRow row) => ManifestLine.ReadIntent(_file.ReadLine(row.IntentOffset)).ToOpenIntent();

    internal IReadOnlyList<SavedFile> ReadSaved(ManifestRow row)
    {
        Dictionary<int, SavedFile> files = [];
        foreach (long offset in row.SavedOffsets)
        {
            SavedFile file = ManifestLine.ReadSaved(_file.ReadLine(offset), Folder);
            files[file.Index] = file;
        }
        return [.. files.Values.OrderBy(file => file.Index)];
    }

    private string Folder => Path.GetDirectoryName(_path)!;

    private void Load(ComfyConnection connection, bool isWriter)
    {
        int number = 0;
        long? damagedAt = null;
        try
        {
            _file.ReadLines((line, offset) =>
            {
                number++;
                if (damagedAt is not null) throw Errors.ManifestInvalid(_path, number - 1);
                if (!TryTake(line, offset, number)) damagedAt = offset;
            });
        }
        catch (IOException e)
        {
            throw Errors.FileUnreadable(_path, e);
        }
        // A crash may leave a last line of anything.
        if (damagedAt is { } cut && number > 1) _file.CutOff(cut);
        else if (damagedAt is not null) throw Errors.ManifestInvalid(_path, number);
        if (_header is not null) CheckAccount(connection);
        else if (isWriter) WriteHeader(connection);
    }

    private bool TryTake(ReadOnlySpan<byte> line, long offset, int number)
    {
        try
        {
            if (number == 1)
            {
                _header = ManifestLine.ReadHeader(line.ToArray());
                return _header is not null;
            }
            Apply(ManifestEvent.Read(line, offset));
            return true;
        }
        // Text that is not UTF-8 is found when a value is read.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private void WriteHeader(ComfyConnection connection)
    {
        _header = ManifestHeader.Of(connection);
        try
        {
            _file.Append(ManifestLine.Header(_header));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errors.ManifestUnwritable(_path, e);
        }
    }

    private void TryAppend(string line)
    {
        try
        {
            Append(line);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            if (_hasWarned) return;
            _hasWarned = true;
            _log?.Warning($"What becomes of the runs can no longer be recorded in {_path}: {e.Message}");
        }
    }

    private void Append(string line)
    {
        lock (_gate)
        {
            long offset = _file.Append(line);
            Apply(ManifestEvent.Read(System.Text.Encoding.UTF8.GetBytes(line), offset));
        }
    }

    private void Apply(in ManifestEvent line)
    {
        if (line is { Kind: ManifestEventKind.Unknown } or { Key: null }) return;
        if (!_rows.TryGetValue(line.Key, out ManifestRow? row))
        {
            // Without an intent, nothing tells what was queued.
            if (line.Kind != ManifestEventKind.Intent) return;
            _rows.Add(line.Key, row = new(this, line.Key, line.Offset));
        }
        row.Apply(line);
        if (line.Kind == ManifestEventKind.Queued && Guid.TryParse(line.RunId, out Guid id)) _runs.Add(id);
    }
}
