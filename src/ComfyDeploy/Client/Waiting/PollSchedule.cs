namespace ComfyDeploy.Client;

/// <summary>When to look at a run again: what is known of it says only when, and never how it ended.</summary>
internal static class PollSchedule
{
    private const double ShareOfElapsed = 0.07;
    private static readonly TimeSpan Young = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MinPause = TimeSpan.FromSeconds(0.4);
    private static readonly TimeSpan MinAlonePause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FarPause = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MaxPauseWithHistory = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan MaxPauseWithDoorbell = TimeSpan.FromMinutes(2);
    // One request looks at all of them, so that it may come more often.
    private static readonly TimeSpan MinSharedPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxSharedPause = TimeSpan.FromSeconds(3);
    // The service stores the end a moment after it.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(0.2);
    private const int LooksAroundTheEnd = 3;

    /// <summary>Short while a run is young, longer when it takes long anyway.</summary>
    /// <param name="waited">Since the wait for the run began.</param>
    /// <param name="isShared">Whether one request looks at many runs.</param>
    /// <param name="rings">Whether the service announces what happens.</param>
    /// <param name="isFarFromEnd">Whether it has not started, or says that it is not half done.</param>
    internal static TimeSpan After(TimeSpan waited, bool isShared = false, bool rings = false, bool isFarFromEnd = false)
    {
        if (rings) return MaxPause;
        (TimeSpan min, TimeSpan max) = isShared ? (MinSharedPause, MaxSharedPause) : (isFarFromEnd ? FarPause : MinAlonePause, MaxPause);
        return waited < Young ? min : Between(min, TimeSpan.FromSeconds(waited.TotalSeconds * ShareOfElapsed), max);
    }

    /// <summary>The same, for a run of which it is known how long such runs take.</summary>
    /// <param name="expected">How long recent runs took.</param>
    /// <param name="age">Since the run was created.</param>
    /// <param name="ran">Since it started; null before.</param>
    /// <param name="usual">The pause without that knowledge.</param>
    /// <param name="rings">Whether the service announces what happens.</param>
    internal static TimeSpan After(ExpectedTimes expected, TimeSpan age, TimeSpan? ran, TimeSpan usual, bool rings)
    {
        if (ran is not { } running) return Between(usual, expected.Start - age + Margin, MaxPauseWithDoorbell);
        if (running < expected.Early)
        {
            // Runs that fail do so early.
            TimeSpan pause = rings ? MaxPauseWithDoorbell : Between(MaxPause, running, MaxPauseWithHistory);
            TimeSpan untilEnd = expected.Early - running + Margin;
            return untilEnd < pause ? untilEnd : pause;
        }
        TimeSpan unsure = running < expected.Late ? expected.Late - expected.Early : running - expected.Late;
        return Between(MinPause, TimeSpan.FromTicks(unsure.Ticks / LooksAroundTheEnd), usual);
    }

    private static TimeSpan Between(TimeSpan min, TimeSpan time, TimeSpan max) => time < min ? min : time > max ? max : time;
}
