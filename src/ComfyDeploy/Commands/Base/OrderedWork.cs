namespace ComfyDeploy.Commands;

/// <summary>Work on many inputs, some at a time, whose results come back in the order of the inputs.</summary>
/// <param name="parallel">How many at a time.</param>
internal sealed class OrderedWork<T>(int parallel = OrderedWork.Parallel)
{
    // Enough to keep all slots busy while the first is waited for, and little enough that a long input is not all taken in ahead.
    private readonly int _mostAhead = 8 * parallel;
    private readonly SemaphoreSlim _slots = new(parallel);
    private readonly Queue<Task<T>> _tasks = new();
    private readonly CancellationTokenSource _closed = new();

    internal bool IsEmpty => _tasks.Count == 0;

    internal bool IsFull => _tasks.Count >= _mostAhead;

    /// <summary>Whether <see cref="TakeAsync"/> would return at once.</summary>
    internal bool HasNext => _tasks.Count > 0 && _tasks.Peek().IsCompleted;

    /// <summary>All that is not taken yet.</summary>
    internal Task Rest => Task.WhenAll(_tasks);

    /// <summary>Ends with <see cref="Close"/>.</summary>
    internal CancellationToken Closed => _closed.Token;

    /// <summary>What has begun goes on, nothing else begins.</summary>
    internal void Close() => _closed.Cancel();

    internal void Add(Func<CancellationToken, Task<T>> work, CancellationToken stop) => _tasks.Enqueue(RunAsync(work, stop));

    /// <summary>Waits for the first, and takes it with all that are ready behind it.</summary>
    internal async Task<IReadOnlyList<T>> TakeAsync()
    {
        List<T> ready = [await _tasks.Dequeue().ConfigureAwait(false)];
        while (HasNext) ready.Add(await _tasks.Dequeue().ConfigureAwait(false));
        return ready;
    }

    private async Task<T> RunAsync(Func<CancellationToken, Task<T>> work, CancellationToken stop)
    {
        using (CancellationTokenSource begin = CancellationTokenSource.CreateLinkedTokenSource(stop, _closed.Token))
        {
            await _slots.WaitAsync(begin.Token).ConfigureAwait(false);
        }
        try
        {
            // A slot may fall free in the moment of closing, before this one is told to wait no longer.
            _closed.Token.ThrowIfCancellationRequested();
            return await work(stop).ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }
}

internal static class OrderedWork
{
    /// <summary>Requests at a time, everywhere.</summary>
    internal const int Parallel = 8;
}
