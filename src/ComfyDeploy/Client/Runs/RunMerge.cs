namespace ComfyDeploy.Client;

/// <summary>Several lists of runs as one, newest first; reads a page only when the next run cannot be told without it.</summary>
internal sealed class RunMerge(IEnumerable<RunCursor> cursors)
{
    private const int ParallelPages = 8;

    private readonly List<RunCursor> _cursors = [.. cursors];

    /// <summary>Whether <see cref="Take"/> has to wait for <see cref="ReadPagesAsync"/>.</summary>
    internal bool NeedsPages => _cursors.Exists(cursor => cursor.NeedsPage);

    internal async Task ReadPagesAsync(CancellationToken stop)
    {
        using SemaphoreSlim slots = new(ParallelPages);
        // An empty page in the middle of a list (all its rows seen before) asks for the next one at once.
        while (NeedsPages)
        {
            await Task.WhenAll(_cursors.Where(cursor => cursor.NeedsPage).Select(async cursor =>
            {
                await slots.WaitAsync(stop).ConfigureAwait(false);
                try
                {
                    await cursor.ReadPageAsync(stop).ConfigureAwait(false);
                }
                finally
                {
                    slots.Release();
                }
            })).ConfigureAwait(false);
        }
        _cursors.RemoveAll(cursor => cursor.IsAtEnd);
    }

    /// <summary>The newest run not handed out yet; null at the end.</summary>
    internal ComfyRun? Take()
    {
        _cursors.RemoveAll(cursor => cursor.IsAtEnd);
        RunCursor? newest = null;
        foreach (RunCursor cursor in _cursors)
        {
            if (newest is null || cursor.Head.CreatedAt > newest.Head.CreatedAt) newest = cursor;
        }
        return newest?.Take();
    }
}
