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
    private IReadOnlyDictionary<string, IntentOutcome> _outcomes = new Dictionary<string, IntentOutcome>();
    private Manifest? _manifest;
    private int _done;
    private int _adopted;
    private int _queued;

    /// <summary>The open manifest; null under -WhatIf, which records nothing.</summary>
    internal Manifest? Journal => cmdlet.IsWhatIf ? null : _manifest;

    /// <summary>The runs of earlier calls that go on.</summary>
    internal IReadOnlyList<ComfyRun> InFlight { get; private set; } = [];

    public void Dispose() => _manifest?.Dispose();

    /// <summary>
    /// Opens the manifest for the first of its connections, and finds out what became of the runs that were under way when an earlier call
    /// ended.
    /// </summary>
    /// <exception cref="ComfyDeployException">The manifest cannot be used, or belongs to another account.</exception>
    internal void Open(ComfyDeployClient client)
    {
        ComfyConnection connection = client.Session.Connection;
        if (_manifest is not null)
        {
            _manifest.CheckAccount(connection);
            return;
        }
        if (cmdlet.IsWhatIf)
        {
            _manifest = Manifest.Read(path, connection);
            return;
        }
        _manifest = Manifest.Open(path, connection, cmdlet.Log);
        cmdlet.Await(cancellationToken => SettleAsync(client, _manifest, cancellationToken));
        InFlight = [.. _manifest.Rows.Where(row => row.State == RowState.Queued).Select(row => ToRun(row, connection))];
    }

    /// <summary>What is known of the next run of a row; null when it is to be queued.</summary>
    /// <param name="template">What to run.</param>
    /// <param name="inputs">Its inputs, with files.</param>
    /// <param name="label">Its label.</param>
    /// <param name="row">The number of the row.</param>
    /// <param name="entry">Its place in the manifest.</param>
    internal StartedRow? Find(RunTemplate template, InputSet inputs, string? label, int row, out ManifestEntry entry)
    {
        string json = cmdlet.Await(cancellationToken => WithHashesAsync(inputs, cancellationToken)).ToJson();
        entry = new(path, _keys.Next(template.Subject.Target.ManifestKey, json));
        if (_manifest!.Find(entry.Key) is not { } known) return null;
        if (_outcomes.TryGetValue(entry.Key, out IntentOutcome? outcome) && outcome.Error is { } error)
            return new(template.NotQueued(error, inputs.ToJson(), label), row, error);
        if (known.State != RowState.Queued && !known.IsDone) return null;
        ComfyRun run = ToRun(known, template.Client.Session.Connection);
        run.Label = label ?? run.Label;
        if (run.IsFinished) _done++;
        else _adopted++;
        return new(run, row, null);
    }

    /// <summary>Records that a run is about to be queued.</summary>
    /// <exception cref="ComfyDeployException">ManifestUnwritable: it must not be queued.</exception>
    internal Task AnnounceAsync(ComfyRun run, int row, ApiSession session)
    {
        Interlocked.Increment(ref _queued);
        return _manifest!.IntendAsync(new(run.Entry!.Key, row, run, session.ServiceNow, IsExactTime: session.ClockOffset is not null));
    }

    /// <summary>One line: what was done before, what goes on, and what was queued.</summary>
    internal void WriteSummary()
    {
        if (_done + _adopted == 0 || cmdlet.IsWhatIf || cmdlet.Preferences.EndPipeline("Information")) return;
        (int Count, string What)[] parts = [(_done, "done before"), (_adopted, "still under way"), (_queued, "queued")];
        IEnumerable<string> texts = parts.Where(part => part.Count > 0).Select(part => $"{Plural.Of(part.Count, "run")} {part.What}");
        cmdlet.WriteInformation($"{Path.GetFileName(path)}: {string.Join(", ", texts)}.", ["ComfyRun"]);
    }

    private ComfyRun ToRun(ManifestRow row, ComfyConnection connection)
    {
        ComfyRun run = row.ToRun(connection);
        run.Entry = new(path, row.Key);
        return run;
    }

    private async Task<bool> SettleAsync(ComfyDeployClient client, Manifest manifest, CancellationToken cancellationToken)
    {
        // A cancel of -StopOnTimeout that was recorded may have reached the service, or not.
        ManifestRow[] stopping = [.. manifest.Rows.Where(row => row is { State: RowState.Queued, IsStopping: true })];
        await Throttle.ForEachAsync(stopping, ReadAsync, cancellationToken).ConfigureAwait(false);
        ManifestRow[] open = [.. manifest.Rows.Where(row => row.State == RowState.Intended)];
        if (open.Length == 0) return true;
        IntentLookup lookup = new(client, cmdlet.Log, manifest.HasRun);
        _outcomes = await lookup.FindAsync(open.Select(row => row.ToOpenIntent()), cancellationToken).ConfigureAwait(false);
        foreach ((string key, IntentOutcome outcome) in _outcomes.Select(found => (found.Key, found.Value)))
        {
            if (outcome.RunId is not null) manifest.Queued(key, outcome.RunId);
        }
        return true;

        async Task ReadAsync(ManifestRow row)
        {
            ComfyRun run = await client.GetRunAsync(row.RunId!, cancellationToken).ConfigureAwait(false);
            if (run.IsFinished) manifest.Ended(row.Key, run);
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
        return hashes.Count == 0 ? inputs : inputs.WithLinks(hashes);
    }
}
