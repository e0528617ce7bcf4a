namespace ComfyDeploy.Client;

/// <summary>
/// Whether the list of a workflow can be used. When it cannot be read, single runs are read, to find out whether the service is away or
/// only the list does not work: then it is left alone for a while.
/// </summary>
internal sealed class ListHealth(IClock clock)
{
    private const int MaxProbes = 2;
    private const int MaxFalseEnds = 3;
    private static readonly TimeSpan MinBroken = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MaxBroken = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan MinPause = TimeSpan.FromSeconds(1);
    // A longer pause that it asks for is the list's own: the runs do not wait for it.
    private static readonly TimeSpan MaxRequestedPause = TimeSpan.FromSeconds(10);

    private int _failures;
    private int _probes;
    private int _falseEnds;
    private TimeSpan _brokenFor = MinBroken;
    private DateTime _brokenUntil;

    internal bool IsBroken => clock.Now < _brokenUntil;

    internal void Succeed()
    {
        _failures = _probes = 0;
        _brokenFor = MinBroken;
    }

    /// <summary>The list could not be read.</summary>
    /// <param name="failure">Why.</param>
    /// <param name="isRefused">Whether the service refuses everything.</param>
    /// <returns>How long to wait before it is read again; null when it is broken.</returns>
    internal TimeSpan? Fail(ComfyDeployException failure, bool isRefused)
    {
        _failures++;
        TimeSpan pause = Retry.PauseBefore(_failures, failure.RetryAfter, clock);
        isRefused |= failure is { StatusCode: >= 400 and < 500 and not (401 or 408 or 429) } or { ErrorId: ErrorIds.NotConnected };
        if (!isRefused && _probes < MaxProbes && !(failure.RetryAfter > MaxRequestedPause))
            return pause < MinPause ? MinPause : pause;
        Break(pause);
        return null;
    }

    /// <summary>The list is of no use for a while.</summary>
    internal void Break(TimeSpan atLeast = default)
    {
        _brokenUntil = clock.Now + (atLeast > _brokenFor ? atLeast : _brokenFor);
        _brokenFor = _brokenFor < MaxBroken ? _brokenFor + _brokenFor : MaxBroken;
        _failures = _probes = _falseEnds = 0;
    }

    /// <summary>A single run was read: if the list cannot be, that is the list's fault.</summary>
    internal void Probe()
    {
        if (_failures > 0) _probes++;
    }

    /// <summary>A run was read because the list says that it has ended.</summary>
    internal void JudgeEnd(bool isFinished)
    {
        _falseEnds = isFinished ? 0 : _falseEnds + 1;
        if (_falseEnds >= MaxFalseEnds) Break();
    }
}
