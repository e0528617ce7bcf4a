namespace ComfyDeploy.Client;

/// <summary>A token that is canceled after a time on a given clock.</summary>
internal sealed class ClockLimit : IDisposable
{
    // A clock that is set back must not make it last for ever.
    private static readonly TimeSpan MaxPause = TimeSpan.FromDays(1);

    private readonly CancellationTokenSource _source;

    /// <param name="clock">Counts the time.</param>
    /// <param name="time">How long the token lasts.</param>
    /// <param name="cancellationToken">Cancels the token at once.</param>
    /// <param name="extendTo">Asked at the end of the time: a later end, UTC.</param>
    internal ClockLimit(IClock clock, TimeSpan time, CancellationToken cancellationToken, Func<DateTime>? extendTo = null)
    {
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Token = _source.Token;
        _ = CancelAfterAsync(clock, time, extendTo);
    }

    internal CancellationToken Token { get; }

    public void Dispose()
    {
        // Ends the timer too.
        _source.Cancel();
        _source.Dispose();
    }

    private async Task CancelAfterAsync(IClock clock, TimeSpan pause, Func<DateTime>? extendTo)
    {
        try
        {
            do
            {
                await clock.DelayAsync(pause, Token).ConfigureAwait(false);
                pause = extendTo is null ? TimeSpan.Zero : extendTo() - clock.Now;
                if (pause > MaxPause) pause = MaxPause;
            }
            while (pause > TimeSpan.Zero);
            _source.Cancel();
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // It is no longer needed.
        }
    }
}
