using System.Runtime.InteropServices;
using System.Text;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>The journal of a batch, open for writing. All that open it in one process share the file; the last one closes it.</summary>
internal sealed class Manifest : IDisposable
{
    private static readonly Dictionary<string, Manifest> OpenManifests = new(
        RuntimeInformation.IsOSPlatform(OSPlatform.Linux) ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase);

    private readonly ManifestState _state;
    private readonly JournalWriter _writer;
    private readonly FileStream? _lock;
    private readonly IClock _clock;
    private readonly HashSet<RowKey> _claimed = [];
    private int _users;
    private int _warned;

    internal Manifest(string path, ManifestState state, JournalWriter writer, IClock clock, FileStream? locked = null)
    {
        (Path, _state, _writer, _clock, _lock) = (path, state, writer, clock, locked);
        Text = new(path, writer.Unwritten);
    }

    internal string Path { get; }

    internal ManifestText Text { get; }

    internal IReadOnlyList<ManifestRow> Rows
    {
        get
        {
            lock (_state) return _state.Rows;
        }
    }

    /// <param name="path">The full path.</param>
    /// <param name="connection">Whose runs it has.</param>
    /// <param name="clock">The time of its lines.</param>
    /// <exception cref="ComfyDeployException">ManifestInUse, ManifestInvalid, ManifestMismatch, ManifestUnwritable.</exception>
    internal static Manifest Open(string path, ComfyConnection connection, IClock clock)
    {
        lock (OpenManifests)
        {
            if (OpenManifests.TryGetValue(path, out Manifest? manifest))
                ManifestHeader.Check(Encoding.UTF8.GetBytes(manifest.Header), path, connection);
            else OpenManifests.Add(path, manifest = ManifestFile.Open(path, connection, clock));
            manifest._users++;
            return manifest;
        }
    }

    internal string Header { get; init; } = string.Empty;

    public void Dispose()
    {
        lock (OpenManifests)
        {
            if (--_users > 0) return;
            OpenManifests.Remove(Path);
            Text.Dispose();
            _writer.Dispose();
            _lock?.Dispose();
        }
    }

    /// <summary>
    /// Reserves a row for a command of this process that is about to queue it: until it is released, nobody else does, and its intent is
    /// not one that was left over.
    /// </summary>
    internal bool TryClaim(RowKey key)
    {
        lock (_state) return _claimed.Add(key);
    }

    internal void Release(RowKey key)
    {
        lock (_state) _claimed.Remove(key);
    }

    /// <summary>The rows whose create was never answered, as far as anybody knows.</summary>
    internal IReadOnlyList<ManifestRow> Open()
    {
        lock (_state) return [.. _state.Rows.Where(row => row.State == RowState.Intended && !_claimed.Contains(row.Key))];
    }

    internal ManifestRow? Find(RowKey key)
    {
        lock (_state) return _state.Find(key);
    }

    internal bool HasRun(string runId)
    {
        lock (_state) return _state.HasRun(runId);
    }

    /// <summary>Returns once the intent is on the disk. Only then may the request be sent.</summary>
    /// <exception cref="ComfyDeployException">ManifestUnwritable.</exception>
    internal async Task IntendAsync(ManifestIntent intent, CancellationToken cancellationToken)
    {
        // What is written to a file that was deleted is lost.
        if (_lock is not null && !File.Exists(Path)) throw Errors.ManifestUnwritable(Path, new FileNotFoundException("It was deleted."));
        int number = Find(intent.Key) is { Number: < int.MaxValue and int first } ? first : intent.Number;
        string line = ManifestLines.Intent(intent with { Number = number });
        await _writer.WriteThroughAsync(line, at => Apply(line, at), cancellationToken).ConfigureAwait(false);
    }

    internal void Queued(RowKey key, string runId, ICallLog log) =>
        Write(ManifestLines.OfRun("queued", key, _clock.Now, runId), log);

    internal void Refused(RowKey key, string error, ICallLog log) => Write(ManifestLines.Refused(key, _clock.Now, error), log);

    internal void Stopping(RowKey key, string runId, ICallLog log) =>
        Write(ManifestLines.OfRun("stopping", key, _clock.Now, runId), log);

    internal void Ended(RowKey key, ComfyRun run, ICallLog log) => Write(ManifestLines.Ended(key, _clock.Now, run), log);

    internal void Saved(RowKey key, SavedFile file, ICallLog log) =>
        Write(ManifestLines.Saved(key, _clock.Now, file, ManifestFile.Relative(Path, file.Path)), log);

    // After a request nothing may fail: its run is paid for.
    private void Write(string line, ICallLog log)
    {
        if (_writer.Write(line, at => Apply(line, at)) is { } error && Interlocked.Exchange(ref _warned, 1) == 0)
        {
            log.Warning($"The latest changes of the batch are not recorded in '{Path}': "
                + $"{SafeText.Sentence(SafeText.Clean(error.Message))} They are written as soon as the file can be written again.");
        }
    }

    private void Apply(string line, long at)
    {
        lock (_state) _state.TryApply(Encoding.UTF8.GetBytes(line), at);
    }
}
