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
    private ClockLimit? _deadline;
    private ClockLimit? _firstLook;
    private DateTime? _endsAt;
    private DateTime _lastAnswer;

    internal WaitDeadline(TimeSpan timeout, IClock clock, CancellationToken cancellationToken)
    {
        _clock = clock;
        _timeout = timeout < TimeSpan.Zero ? TimeSpan.Zero : timeout < MaxTimeout ? timeout : MaxTimeout;
        _cancellationToken = cancellationToken;
    }

    /// <summary>What is left; null before the first run.</summary>
    internal TimeSpan? Left => _endsAt - _clock.Now;

    /// <summary>Called for each run, before its first look.</summary>
    /// <returns>The token of its first look, and the token of the deadline.</returns>
    internal (CancellationToken FirstLook, CancellationToken Deadline) Start()
    {
        _endsAt ??= _clock.Now + _timeout;
        _deadline ??= new(_clock, _timeout, _cancellationToken);
        if (_firstLook is null || _firstLook.Token.IsCancellationRequested)
        {
            // Long after the deadline, from a slow pipeline, a run still gets its one look.
            _firstLook?.Dispose();
            TimeSpan left = Left > TimeSpan.Zero ? Left.Value : TimeSpan.Zero;
            _firstLook = new(_clock, left + FirstLookGrace, _cancellationToken, () => _lastAnswer + FirstLookGrace);
        }
        return (_firstLook.Token, _deadline.Token);
    }

    /// <summary>The service answered: thousands of first looks may take their time, a silent service may not.</summary>
    internal void Answered() => _lastAnswer = _clock.Now;

    public void Dispose()
    {
        _deadline?.Dispose();
        _firstLook?.Dispose();
    }
}
