using System.Collections.Concurrent;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>
/// The manifest of one call that queues runs: tells which rows are done or go on, so that they are not paid for again, and records the
/// others.
/// </summary>
internal sealed class BatchManifest(StartingCommand cmdlet, string path) : IDisposable
{
    private readonly RowKeys _keys = new();
    private readonly HashSet<ApiSession> _sessions = [];
    private readonly Dictionary<Guid, RowKey> _byRun = [];
    private readonly ConcurrentDictionary<RowKey, bool> _claimed = new();
    private ComfyDeployException? _failure;
    private IReadOnlyDictionary<string, IntentOutcome> _outcomes = new Dictionary<string, IntentOutcome>();
    private Func<RowKey, ManifestRow?> _find = _ => null;
    private ManifestText? _text;
    private Manifest? _manifest;
    private int _done;
    private int _adopted;
    private int _queued;

    /// <summary>The runs of earlier calls that go on.</summary>
    internal IReadOnlyList<ComfyRun> InFlight { get; private set; } = [];

    public void Dispose()
    {
        foreach (RowKey key in _claimed.Keys) _manifest?.Release(key);
        _manifest?.Dispose();
        _manifest = null;
    }

    /// <summary>
    /// Opens the manifest for the first of its connections, and finds out what became of the runs that were under way when an earlier call
    /// ended.
    /// </summary>
    /// <exception cref="ComfyDeployException">The manifest cannot be used, or belongs to another account.</exception>
    internal void Open(ComfyDeployClient client)
    {
        ApiSession session = client.Session;
        if (_failure is not null) throw _failure;
        if (_sessions.Contains(session)) return;
        if (cmdlet.IsWhatIf)
        {
            Read(session.Connection);
            _sessions.Add(session);
            return;
        }
        // Another connection may be another account.
        Manifest manifest = Manifest.Open(path, session.Connection, session.Clock);
        _sessions.Add(session);
        if (_manifest is not null)
        {
            manifest.Dispose();
            return;
        }
        (_manifest, _text, _find) = (manifest, manifest.Text, manifest.Find);
        try
        {
            cmdlet.Await(cancellationToken => SettleAsync(client, manifest, cancellationToken));
            Index(manifest.Rows);
            InFlight =
                [.. manifest.Rows.Where(row => row.State == RowState.Queued).Select(row => manifest.Text.ToRun(row, session.Connection))];
        }
        catch (ComfyDeployException e)
        {
            // Without it, no row is known to be free.
            _failure = e;
            throw;
        }
    }

    /// <summary>What is known of the next run of a row; null when it is to be queued.</summary>
    /// <param name="template">What to run.</param>
    /// <param name="inputs">Its inputs, with files.</param>
    /// <param name="label">Its label.</param>
    /// <param name="row">The number of the row.</param>
    /// <param name="entry">Its place in the manifest.</param>
    internal StartedRow? Find(RunTemplate template, InputSet inputs, string? label, int row, out ManifestEntry entry)
    {
        RowKey? earlier = RowOfEarlier(template.Earlier);
        RowKey key = earlier ?? NextKey(template, inputs);
        entry = new(path, key.ToString());
        // Who restarts a row of which it is not known whether it has a run wants another one.
        bool isWanted = template.Earlier is { IsUnconfirmed: true };
        if (!isWanted && _outcomes.TryGetValue(entry.Key, out IntentOutcome? outcome) && outcome.Error is { } error)
            return Refuse(error, entry);
        if (_find(key) is not { } known || (known.State != RowState.Queued && !known.IsDone))
            return Claim(key) ? null : Refuse(Errors.RowInUse(path), entry);
        // The next attempt of a row, unless there is one that the caller did not know.
        if (earlier is not null && IsSame(known.RunId, template.Earlier!.RunId))
            return Claim(key) ? null : Refuse(Errors.RowInUse(path), entry);
        ComfyRun run = _text!.ToRun(known, template.Client.Session.Connection);
        run.Label = label ?? run.Label;
        if (run.IsFinished) _done++;
        else _adopted++;
        return new(run, row, null);

        StartedRow Refuse(ComfyDeployException error, ManifestEntry entry) =>
            new(template.NotQueued(error, inputs.ToJson(), label, entry), row, error);
    }

    /// <summary>The run is queued, or certainly is not: another command may look at the row.</summary>
    internal void Release(ComfyRun run)
    {
        RowKey key = RowKey.Parse(run.Entry!.Key);
        if (run.RunId is not null) Interlocked.Increment(ref _queued);
        if (_claimed.TryRemove(key, out _)) _manifest?.Release(key);
    }

    /// <summary>Records that a run is about to be queued.</summary>
    /// <returns>Where to record what becomes of it.</returns>
    /// <exception cref="ComfyDeployException">ManifestUnwritable: it must not be queued.</exception>
    internal async Task<JournaledRow> IntendAsync(ComfyRun run, int row, ApiSession session, CancellationToken cancellationToken)
    {
        Manifest manifest = _manifest!;
        RowKey key = RowKey.Parse(run.Entry!.Key);
        int attempts = manifest.Find(key)?.Attempt ?? 0;
        ManifestIntent intent = new(key, row, attempts + 1, session.ServiceNow, session.ClockOffset is not null, run);
        await manifest.IntendAsync(intent, cancellationToken).ConfigureAwait(false);
        return new(manifest, key, cmdlet.Log);
    }

    /// <summary>Where to record what becomes of a run.</summary>
    internal JournaledRow? RowOf(ComfyRun run) => _manifest is null ? null : new(_manifest, RowKey.Parse(run.Entry!.Key), cmdlet.Log);

    /// <summary>One line: what was done before, what goes on, and what was queued.</summary>
    internal void WriteSummary()
    {
        if (_done + _adopted == 0 || cmdlet.Preferences.EndPipeline("Information")) return;
        (int Count, string What)[] parts = [(_done, "done before"), (_adopted, "still under way"), (_queued, "queued")];
        IEnumerable<string> texts = parts.Where(part => part.Count > 0).Select(part => $"{Plural.Of(part.Count, "run")} {part.What}");
        string text = $"{Path.GetFileName(path)}: {string.Join(", ", texts)}.";
        if (cmdlet.IsWhatIf) cmdlet.WriteInformation(RunPlan.Preview(text), RunPlan.PreviewTags);
        else cmdlet.WriteInformation(text, ["ComfyRun"]);
    }

    /// <summary>Whether no other command of this session queues the row; a preview queues nothing.</summary>
    private bool Claim(RowKey key)
    {
        if (_manifest is null) return true;
        return _manifest.TryClaim(key) && _claimed.TryAdd(key, true);
    }

    private RowKey NextKey(RunTemplate template, InputSet inputs)
    {
        if (inputs.Files.Any()) inputs = cmdlet.Await(cancellationToken => WithHashesAsync(inputs, cancellationToken));
        return _keys.Next(template.Subject.Target.ManifestKey, inputs.ToJson());
    }

    /// <summary>The row that a run which is started again was an attempt of; null when it was not in this manifest.</summary>
    private RowKey? RowOfEarlier(ComfyRun? earlier) => earlier?.Entry is { } entry && entry.Path == path ? RowKey.Parse(entry.Key)
        : Guid.TryParse(earlier?.RunId, out Guid run) && _byRun.TryGetValue(run, out RowKey key) ? key : null;

    private static bool IsSame(string? runId, string? other) => string.Equals(runId, other, StringComparison.OrdinalIgnoreCase);

    private void Index(IReadOnlyList<ManifestRow> rows)
    {
        foreach (ManifestRow row in rows.Where(row => row.RunId is not null)) _byRun[row.Run] = row.Key;
    }

    private void Read(ComfyConnection connection)
    {
        if (!File.Exists(path)) return;
        ManifestState state = ManifestFile.Read(path, connection, out _text);
        _find = state.Find;
        Index(state.Rows);
    }

    private async Task<bool> SettleAsync(ComfyDeployClient client, Manifest manifest, CancellationToken cancellationToken)
    {
        // A cancel of -StopOnTimeout that was recorded may have reached the service, or not.
        ManifestRow[] stopping = [.. manifest.Rows.Where(row => row is { State: RowState.Queued, IsStopping: true })];
        await Throttle.ForEachAsync(stopping, ReadAsync, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<ManifestRow> open = manifest.Open();
        if (open.Count == 0) return true;
        ComfyConnection connection = client.Session.Connection;
        IntentLookup lookup = new(client, cmdlet.Log, path, manifest.HasRun);
        _outcomes = await lookup.FindAsync(
            [.. open.Select(row => manifest.Text.ReadIntent(row, connection).ToOpenIntent())], cancellationToken).ConfigureAwait(false);
        foreach (ManifestRow row in open)
        {
            if (_outcomes[row.Key.ToString()].RunId is { } runId) manifest.Queued(row.Key, runId, cmdlet.Log);
        }
        return true;

        async Task ReadAsync(ManifestRow row)
        {
            try
            {
                ComfyRun run = await client.GetRunAsync(row.RunId!, cancellationToken).ConfigureAwait(false);
                if (run.IsFinished) manifest.Ended(row.Key, run, cmdlet.Log);
            }
            catch (ComfyDeployException e)
            {
                // It is waited for, like one that goes on.
                cmdlet.Log.Verbose($"Reading run {row.RunId} failed: {e.Message}");
            }
        }
    }

    /// <summary>The same inputs with what files contain in their place.</summary>
    private static async Task<InputSet> WithHashesAsync(InputSet inputs, CancellationToken cancellationToken)
    {
        Dictionary<string, string> hashes = [];
        foreach (FileInfo file in inputs.Files)
        {
            LocalFile content = await LocalFile.ReadAsync(file.FullName, cancellationToken).ConfigureAwait(false);
            hashes[file.FullName] = $"file:{content.Key}";
        }
        return inputs.WithLinks(hashes);
    }
}
