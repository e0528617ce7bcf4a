namespace ComfyDeploy.Client;

/// <summary>When a run is to be looked at again, and the sleep until then. Called on any thread.</summary>
internal sealed class PollTimer(IClock clock)
{
    // The clock may be set meanwhile.
    private static readonly TimeSpan MaxSleep = TimeSpan.FromMinutes(5);

    // Never disposed: without a timer or a wait handle there is nothing to free, and somebody may wake at any time.
    private CancellationTokenSource _wake = new();
    private long _dueAt = clock.Now.Ticks;
    private long _lookedAt = clock.Now.Ticks;
    private long _sleepsUntil;

    /// <summary>When to look again, UTC.</summary>
    internal DateTime DueAt
    {
        get => new(Interlocked.Read(ref _dueAt), DateTimeKind.Utc);
        set => Interlocked.Exchange(ref _dueAt, value.Ticks);
    }

    /// <summary>When the run was last seen, UTC.</summary>
    internal DateTime LookedAt
    {
        get => new(Interlocked.Read(ref _lookedAt), DateTimeKind.Utc);
        set => Interlocked.Exchange(ref _lookedAt, value.Ticks);
    }

    /// <summary>Whether it is time to look; a clock that was set back does not put that off.</summary>
    internal bool IsDue => DueAt <= clock.Now || clock.Now < LookedAt;

    /// <summary>Whether it sleeps longer than it should by now.</summary>
    internal bool IsOverslept => DueAt.Ticks < Interlocked.Read(ref _sleepsUntil);

    /// <summary>Sleeps until the run is due, or somebody wakes it; a long sleep ends early.</summary>
    /// <exception cref="OperationCanceledException">The limit is reached.</exception>
    internal async Task SleepAsync(CancellationToken limit)
    {
        TimeSpan pause = DueAt - clock.Now;
        if (IsDue) return;
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit, _wake.Token);
        Interlocked.Exchange(ref _sleepsUntil, DueAt.Ticks);
        try
        {
            await clock.DelayAsync(pause < MaxSleep ? pause : MaxSleep, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!limit.IsCancellationRequested)
        {
            _wake = new();
        }
        finally
        {
            Interlocked.Exchange(ref _sleepsUntil, 0);
        }
    }

    internal void Wake() => _wake.Cancel();
}
