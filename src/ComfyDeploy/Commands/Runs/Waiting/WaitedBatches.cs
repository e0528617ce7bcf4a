namespace ComfyDeploy.Commands;

/// <summary>The batches whose runs a wait receives. Once the wait is over, nothing more of them is queued.</summary>
internal sealed class WaitedBatches(RunWaitOptions options)
{
    private readonly HashSet<BatchSignal> _batches = [];
    private (ComfyDeployException Reason, bool IsError)? _end;
    private int _finished;

    internal void Add(BatchSignal batch)
    {
        lock (_batches)
        {
            if (!_batches.Add(batch) || _end is null) return;
        }
        batch.End(_end.Value.Reason, _end.Value.IsError);
    }

    /// <summary>Counts a run, or a row that was not queued; called on any thread.</summary>
    internal void CountFinished()
    {
        if (Interlocked.Increment(ref _finished) >= options.RequiredCount)
            End(Errors.NotNeeded(options.RequiredCount.Value), isError: false);
    }

    /// <summary>The deadline has passed. A timeout of zero is none: it means one look at each run.</summary>
    internal void EndLate()
    {
        if (options.Timeout > TimeSpan.Zero) End(Errors.QueuedTooLate(options.Timeout), isError: true);
    }

    private void End(ComfyDeployException reason, bool isError)
    {
        BatchSignal[] batches;
        lock (_batches)
        {
            _end ??= (reason, isError);
            batches = [.. _batches];
        }
        foreach (BatchSignal batch in batches) batch.End(_end.Value.Reason, _end.Value.IsError);
    }
}
