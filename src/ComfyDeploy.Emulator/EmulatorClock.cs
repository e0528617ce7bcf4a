using System.Diagnostics;

namespace ComfyDeploy.Emulator;

/// <summary>The emulator's own time: it can run faster than real time, stand still, and jump.</summary>
internal sealed class EmulatorClock(DateTime start, double speed)
{
    private readonly Stopwatch _sinceStart = Stopwatch.StartNew();
    private long _advancedTicks;

    public double Speed { get; } = speed;

    /// <summary>UTC, to the microsecond like the service's database.</summary>
    public DateTime Now
    {
        get
        {
            const int TicksPerMicrosecond = 10;
            long ticks = start.Ticks + (long)(_sinceStart.Elapsed.Ticks * Speed) + Interlocked.Read(ref _advancedTicks);
            return new DateTime(ticks - (ticks % TicksPerMicrosecond), DateTimeKind.Utc);
        }
    }

    public void Advance(TimeSpan time) => Interlocked.Add(ref _advancedTicks, time.Ticks);
}
