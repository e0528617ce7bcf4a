namespace ComfyDeploy.Emulator;

/// <summary>The emulator's own time: it can run faster than real time, stand still, and jump.</summary>
/// <param name="start">The time at which it starts, UTC.</param>
/// <param name="speed">Emulated seconds per real second.</param>
/// <param name="elapsed">The real time since the start.</param>
internal sealed class EmulatorClock(DateTime start, double speed, Func<TimeSpan> elapsed)
{
    private long _advancedTicks;

    public double Speed { get; } = speed;

    /// <summary>UTC, to the microsecond like the service's database.</summary>
    public DateTime Now
    {
        get
        {
            const int TicksPerMicrosecond = 10;
            long ticks = start.Ticks + (long)(elapsed().Ticks * Speed) + Interlocked.Read(ref _advancedTicks);
            return new DateTime(ticks - (ticks % TicksPerMicrosecond), DateTimeKind.Utc);
        }
    }

    public void Advance(TimeSpan time) => Interlocked.Add(ref _advancedTicks, time.Ticks);
}
