namespace ComfyDeploy.Client;

/// <summary>Several lists of runs as one, newest first; reads a page only when the next run depends on it.</summary>
internal sealed class RunMerge(IEnumerable<RunCursor> cursors)
{
    private readonly List<RunCursor> _cursors = [.. cursors];

    /// <summary>Whether <see cref="Take"/> has to wait for <see cref="ReadPagesAsync"/>.</summary>
    internal bool NeedsPages => _cursors.Exists(cursor => cursor.NeedsPage);

    internal async Task ReadPagesAsync(CancellationToken cancellationToken)
    {
        // An empty page in the middle of a list (all its rows are known already) requires the next one at once.
        while (NeedsPages)
        {
            IEnumerable<RunCursor> empty = _cursors.Where(cursor => cursor.NeedsPage);
            await Throttle.ForEachAsync(empty, cursor => cursor.ReadPageAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        _cursors.RemoveAll(cursor => cursor.IsAtEnd);
    }

    /// <summary>The newest run not yet returned; null at the end.</summary>
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
