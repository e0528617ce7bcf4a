namespace ComfyDeploy.Client;

/// <summary>Runs work with a limit on how much of it runs at the same time.</summary>
internal sealed class Throttle(int limit = Throttle.DefaultLimit)
{
    /// <summary>Concurrent requests wherever the user sets no other limit.</summary>
    internal const int DefaultLimit = 8;

    // Never disposed: work may still release its slot when its owner is gone, and without a wait handle there is nothing to free.
    private readonly SemaphoreSlim _slots = new(limit);

    /// <summary>Runs the work when a slot is free.</summary>
    /// <param name="work">What to run.</param>
    /// <param name="cancellationToken">Ends the wait for the slot; the work observes its own token.</param>
    internal async Task<T> RunAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await work().ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>Runs the work once for each item, at most <see cref="DefaultLimit"/> at the same time.</summary>
    internal static Task ForEachAsync<T>(IEnumerable<T> items, Func<T, Task> work, CancellationToken cancellationToken)
    {
        Throttle throttle = new();
        return Task.WhenAll(items.Select(item => throttle.RunAsync(
            async () =>
            {
                await work(item).ConfigureAwait(false);
                return true;
            },
            cancellationToken)));
    }
}
