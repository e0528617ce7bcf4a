namespace ComfyDeploy.Client;

/// <summary>
/// The deadline of one wait. It starts with the first run; a first look may end later than it, as long as the service answers.
/// </summary>
internal sealed class WaitDeadline : IDisposable
{
    // A timer of .NET Framework counts at most 24 days.
    private static readonly TimeSpan MaxTimeout = TimeSpan.FromDays(24);
    private static readonly TimeSpan FirstLookGrace = TimeSpan.FromSeconds(10);

    private readonly IClock _clock;
    private readonly TimeSpan _timeout;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenSource _deadline;
    private CancellationTokenSource _firstLook;
    private DateTime? _endsAt;
    private DateTime _lastAnswer;

    internal WaitDeadline(TimeSpan timeout, IClock clock, CancellationToken cancellationToken)
    {
        _clock = clock;
        _timeout = timeout < TimeSpan.Zero ? TimeSpan.Zero : timeout < MaxTimeout ? timeout : MaxTimeout;
        _cancellationToken = cancellationToken;
        _deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _firstLook = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    /// <summary>What is left; null before the first run.</summary>
    internal TimeSpan? Left => _endsAt - _clock.Now;

    /// <summary>Canceled at the deadline.</summary>
    internal CancellationToken Token => _deadline.Token;

    /// <summary>Canceled when a first look has to end.</summary>
    internal CancellationToken FirstLook => _firstLook.Token;

    /// <summary>Called for each run, before its first look.</summary>
    internal void Start()
    {
        if (_endsAt is null)
        {
            _endsAt = _clock.Now + _timeout;
            _ = CancelAfterAsync(_deadline, _timeout, extend: false);
            _ = CancelAfterAsync(_firstLook, _timeout + FirstLookGrace, extend: true);
        }
        else if (_firstLook.IsCancellationRequested)
        {
            // Long after the deadline, from a slow pipeline: this run still gets its one look.
            _firstLook.Dispose();
            _firstLook = CancellationTokenSource.CreateLinkedTokenSource(_cancellationToken);
            _ = CancelAfterAsync(_firstLook, FirstLookGrace, extend: true);
        }
    }

    /// <summary>The service answered: thousands of first looks may take their time, a silent service may not.</summary>
    internal void Answered() => _lastAnswer = _clock.Now;

    public void Dispose()
    {
        _deadline.Dispose();
        _firstLook.Dispose();
    }

    private async Task CancelAfterAsync(CancellationTokenSource source, TimeSpan pause, bool extend)
    {
        try
        {
            do
            {
                await _clock.DelayAsync(pause, _cancellationToken).ConfigureAwait(false);
                pause = _lastAnswer + FirstLookGrace - _clock.Now;
            }
            while (extend && pause > TimeSpan.Zero);
            source.Cancel();
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The wait ended before its deadline.
        }
    }
}
