using ComfyDeploy.Api;

namespace ComfyDeploy.Commands;

/// <summary>Reads runs by id, at most eight at a time, and gives them back in the order they were asked for.</summary>
internal sealed class OrderedReads
{
    private const int Parallel = 8;

    // Enough to keep all slots busy while the head is waited for, and little enough that a long input is not all read ahead.
    private const int MostAhead = 8 * Parallel;

    private readonly SemaphoreSlim _slots = new(Parallel);
    private readonly Queue<(string RunId, Task<ComfyRun> Read, ComfyDeployClient Client)> _reads = new();

    internal bool IsEmpty => _reads.Count == 0;

    internal bool IsFull => _reads.Count >= MostAhead;

    internal bool HasNext => _reads.Count > 0 && _reads.Peek().Read.IsCompleted;

    internal void Add(string runId, RunOrigin? origin, ComfyDeployClient client, CancellationToken stop) =>
        _reads.Enqueue((runId, ReadAsync(runId, origin, client, stop), client));

    /// <summary>Waits for the first, and takes it with all that are ready behind it.</summary>
    internal async Task<IReadOnlyList<ReadRun>> TakeAsync()
    {
        await Task.WhenAny(_reads.Peek().Read).ConfigureAwait(false);
        List<ReadRun> ready = [];
        while (HasNext)
        {
            (string runId, Task<ComfyRun> read, ComfyDeployClient client) = _reads.Dequeue();
            try
            {
                ready.Add(new(runId, await read.ConfigureAwait(false), null, client));
            }
            catch (ComfyDeployException e)
            {
                ready.Add(new(runId, null, e, client));
            }
        }
        return ready;
    }

    private async Task<ComfyRun> ReadAsync(string runId, RunOrigin? origin, ComfyDeployClient client, CancellationToken stop)
    {
        await _slots.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            ComfyRun run = await client.GetRunAsync(runId, stop).ConfigureAwait(false);
            run.CarryOver(origin);
            return run;
        }
        finally
        {
            _slots.Release();
        }
    }
}

/// <summary>A run that was read, or why it was not.</summary>
internal sealed record ReadRun(string RunId, ComfyRun? Run, ComfyDeployException? Error, ComfyDeployClient Client);
