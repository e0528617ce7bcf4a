using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// The runs a cmdlet receives: each is processed once, several at a time. Results keep the order of the input; errors come last.
/// </summary>
/// <param name="cmdlet">The cmdlet that receives the runs.</param>
/// <param name="begin">Called on the pipeline thread for each run; returns the work to do, or null to skip the run.</param>
/// <param name="write">Called on the pipeline thread with the results that are ready.</param>
internal sealed class RunBatch<T>(
    ConnectedCommand cmdlet, Func<RequestedRun, Func<CancellationToken, Task<T>>?> begin, Action<IReadOnlyList<T>> write)
{
    private readonly OrderedWork<T> _work = new();
    private readonly HashSet<object> _keys = [];

    /// <summary>Receives rows that were never queued, in their place among the results; without it they are skipped.</summary>
    internal Action<ComfyRun>? NotQueued { get; init; }

    /// <summary>What makes two references the same: by default the account and the run.</summary>
    internal Func<RequestedRun, object> Key { get; init; } = run => (run.Client.Session, run.RunId);

    /// <summary>The work whose results are not written yet.</summary>
    internal Task Rest => _work.Rest;

    internal void Add(IEnumerable<ComfyReference> references)
    {
        foreach (ComfyReference reference in references)
        {
            if (RunReference.NotQueued(reference) is { } row) Pass(row);
            else Add(reference);
            while (_work.HasNext || _work.IsFull) WriteReady();
        }
    }

    /// <summary>Writes the results that are left.</summary>
    internal void Drain()
    {
        while (!_work.IsEmpty) WriteReady();
    }

    private void Pass(ComfyRun row)
    {
        if (NotQueued is null) return;
        Drain();
        NotQueued(row);
    }

    private void Add(ComfyReference reference)
    {
        ComfyDeployClient client = cmdlet.RunClient(reference);
        try
        {
            RequestedRun run = new(reference, RunReference.ResolveId(reference, client.Session), RunReference.Origin(reference), client);
            if (_keys.Add(Key(run)) && begin(run) is { } work) _work.Add(work, cmdlet.Stop);
        }
        catch (ComfyDeployException e)
        {
            cmdlet.Defer(e, reference.Text);
        }
    }

    private void WriteReady() => write(cmdlet.Take(_work));
}

/// <summary>A run as a cmdlet received it, with its full ID and the client of the account it belongs to.</summary>
internal sealed record RequestedRun(ComfyReference Reference, string RunId, RunOrigin? Origin, ComfyDeployClient Client)
{
    /// <summary>
    /// Returns the run with its outputs: the object received when it is complete, otherwise the run as the service returns it.
    /// </summary>
    internal Task<RunReadResult> ReadWholeAsync(CancellationToken cancellationToken)
    {
        ComfyRun? given = Reference.Object<ComfyRun>() ?? Reference.Object<ComfyRunOutput>()?.Run;
        return given is { IsDetailed: true, IsFinished: true }
            ? Task.FromResult(new RunReadResult(RunId, given, null, Client))
            : ReadAsync(cancellationToken);
    }

    /// <summary>Whether a manifest knows how it ended.</summary>
    internal bool IsRecorded => RunReference.Recorded(Reference) is not null;

    /// <summary>The run as it was received.</summary>
    internal RunReadResult Received => new(RunId, Reference.Object<ComfyRun>(), null, Client);

    internal Task<RunReadResult> ReadAsync(CancellationToken cancellationToken) =>
        RunReadResult.ReadAsync(RunId, Origin, Client, cancellationToken);
}
