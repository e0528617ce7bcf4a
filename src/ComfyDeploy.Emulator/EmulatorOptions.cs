using System.Diagnostics;

namespace ComfyDeploy.Emulator;

/// <summary>How an emulator starts.</summary>
public sealed class EmulatorOptions
{
    /// <summary>The port of the API; 0 picks a free port.</summary>
    public int Port { get; set; }

    /// <summary>A seed file, which describes the account. Without it and <see cref="SeedJson"/>, the built-in account is used.</summary>
    public string? SeedPath { get; set; }

    /// <summary>The text of a seed, instead of a file.</summary>
    public string? SeedJson { get; set; }

    /// <summary>Emulated seconds per real second; at 0, only <see cref="ComfyEmulator.Advance"/> moves the clock.</summary>
    public double Speed { get; set; } = 1;

    /// <summary>Faults planned from the start, as for <see cref="ComfyEmulator.AddFault"/>.</summary>
    public IEnumerable<string> Faults { get; set; } = [];

    /// <summary>Determines IDs and jitter: equal seeds and equal calls give equal runs.</summary>
    public int RandomSeed { get; set; } = 1;

    /// <summary>The first time on the emulator's clock; null means now.</summary>
    public DateTime? StartTime { get; set; }

    /// <summary>The real time since the emulator started.</summary>
    internal Func<TimeSpan> Elapsed { get; set; } = RealTime();

    private static Func<TimeSpan> RealTime()
    {
        Stopwatch sinceStart = Stopwatch.StartNew();
        return () => sinceStart.Elapsed;
    }
}
