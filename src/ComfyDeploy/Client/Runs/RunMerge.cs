namespace ComfyDeploy.Client;

/// <summary>Several lists of runs as one, newest first. A caller that stops in the first pages has caused no request for more.</summary>
/// <param name="cursors">The lists.</param>
/// <param name="stop">Ends what is read ahead of the caller.</param>
internal sealed class RunMerge(IEnumerable<RunCursor> cursors, CancellationToken stop = default)
{
    private readonly List<RunCursor> _cursors = [.. cursors];
    private readonly Throttle _throttle = new();

    /// <summary>How many runs the caller may still take: nothing is read ahead for a caller whose runs are at hand.</summary>
    internal int Wanted { get; set; } = int.MaxValue;

    /// <summary>Whether <see cref="Take"/> has to wait for <see cref="ReadPagesAsync"/>; a page that was read ahead comes first.</summary>
    internal bool NeedsPages
    {
        get
        {
            bool needsPages = false;
            bool turned = false;
            foreach (RunCursor cursor in _cursors)
            {
                turned |= cursor.TryTurn();
                needsPages |= cursor.NeedsPage;
            }
            if (turned && !needsPages) ReadAhead();
            return needsPages;
        }
    }

    internal async Task ReadPagesAsync(CancellationToken cancellationToken)
    {
        // An empty page in the middle of a list (all its rows are known already) requires the next one at once.
        while (NeedsPages)
        {
            IEnumerable<RunCursor> empty = _cursors.Where(cursor => cursor.NeedsPage);
            await Throttle.ForEachAsync(empty, cursor => cursor.ReadPageAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        ReadAhead();
    }

    /// <summary>The newest run not yet returned; null at the end.</summary>
    internal ComfyRun? Take()
    {
        RunCursor? newest = null;
        foreach (RunCursor cursor in _cursors)
        {
            if (cursor.Left > 0 && (newest is null || cursor.Head.CreatedAt > newest.Head.CreatedAt)) newest = cursor;
        }
        return newest?.Take();
    }

    private void ReadAhead()
    {
        _cursors.RemoveAll(cursor => cursor.IsAtEnd);
        if (_cursors.Sum(cursor => cursor.Left) >= Wanted) return;
        foreach (RunCursor cursor in _cursors) cursor.ReadAhead(_throttle, stop);
    }
}
