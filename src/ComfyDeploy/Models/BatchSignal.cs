namespace ComfyDeploy;

/// <summary>What the runs of one batch share: whoever waits for them can end the queueing of the rest.</summary>
internal sealed class BatchSignal
{
    private readonly CancellationTokenSource _source = new();

    /// <summary>Why nothing more is queued; null while the batch goes on.</summary>
    internal ComfyDeployException? Reason { get; private set; }

    /// <summary>Whether that is an error; otherwise the rest is not needed.</summary>
    internal bool IsError { get; private set; }

    /// <summary>Canceled by <see cref="End"/>.</summary>
    internal CancellationToken Token => _source.Token;

    internal void End(ComfyDeployException reason, bool isError = true)
    {
        lock (_source)
        {
            if (Reason is not null) return;
            (Reason, IsError) = (reason, isError);
        }
        _source.Cancel();
    }
}
