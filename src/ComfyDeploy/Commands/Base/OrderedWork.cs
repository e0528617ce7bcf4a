using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>Work on many inputs in parallel, with results in the order of the inputs.</summary>
/// <param name="parallel">The degree of parallelism.</param>
/// <param name="maxAhead">
/// How many results may be pending: by default enough to keep all slots busy while the first one is, without reading all of a long input.
/// </param>
internal sealed class OrderedWork<T>(int parallel = Throttle.DefaultLimit, int? maxAhead = null)
{
    private readonly int _maxAhead = maxAhead ?? 8 * parallel;
    private readonly Throttle _throttle = new(parallel);
    private readonly Queue<Task<T>> _tasks = new();
    private readonly CancellationTokenSource _closed = new();

    internal bool IsEmpty => _tasks.Count == 0;

    internal bool IsFull => _tasks.Count >= _maxAhead;

    /// <summary>Whether <see cref="Take"/> would return something.</summary>
    internal bool HasNext => _tasks.Count > 0 && _tasks.Peek().IsCompleted;

    /// <summary>All work whose result is not taken yet.</summary>
    internal Task Rest => Task.WhenAll(_tasks);

    /// <summary>Canceled by <see cref="Close"/>.</summary>
    internal CancellationToken Closed => _closed.Token;

    /// <summary>Work that has started continues; no other work starts.</summary>
    internal void Close() => _closed.Cancel();

    internal void Add(Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        _tasks.Enqueue(RunAsync(work, cancellationToken));

    /// <summary>Ends with the first work, however that ends.</summary>
    internal Task First => Task.WhenAny(_tasks.Peek());

    /// <summary>The first result and all that are ready after it.</summary>
    /// <exception cref="OperationCanceledException">The first work was canceled.</exception>
    internal IReadOnlyList<T> Take()
    {
        List<T> ready = [_tasks.Dequeue().GetAwaiter().GetResult()];
        while (HasNext && _tasks.Peek().Status == TaskStatus.RanToCompletion) ready.Add(_tasks.Dequeue().GetAwaiter().GetResult());
        return ready;
    }

    /// <summary>Adds a result that needs no work, in its place among the others.</summary>
    internal void AddResult(T result) => _tasks.Enqueue(Task.FromResult(result));

    /// <summary>The results of all work that has succeeded; what is still under way or failed is dropped.</summary>
    internal IReadOnlyList<T> TakeSucceeded()
    {
        T[] results =
            [.. _tasks.Where(task => task.Status == TaskStatus.RanToCompletion).Select(task => task.GetAwaiter().GetResult())];
        _tasks.Clear();
        return results;
    }

    private async Task<T> RunAsync(Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        using CancellationTokenSource begin = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closed.Token);
        return await _throttle.RunAsync(
            () =>
            {
                // A slot may become free during Close, before the wait for it is canceled.
                _closed.Token.ThrowIfCancellationRequested();
                return work(cancellationToken);
            },
            begin.Token).ConfigureAwait(false);
    }
}
