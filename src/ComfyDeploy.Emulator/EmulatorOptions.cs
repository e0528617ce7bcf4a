using System.Diagnostics;

namespace ComfyDeploy.Emulator;

/// <summary>How an emulator starts.</summary>
public sealed class EmulatorOptions
{
    /// <summary>The port of the API; 0 is any free one.</summary>
    public int Port { get; set; }

    /// <summary>A seed file: what the account holds. Neither this nor <see cref="SeedJson"/> is the built-in account.</summary>
    public string? SeedPath { get; set; }

    /// <summary>The text of a seed, in place of a file.</summary>
    public string? SeedJson { get; set; }

    /// <summary>Emulated seconds per real second; 0 stands still and moves by <see cref="ComfyEmulator.Advance"/> only.</summary>
    public double Speed { get; set; } = 1;

    /// <summary>Faults planned from the start, as for <see cref="ComfyEmulator.AddFault"/>.</summary>
    public IEnumerable<string> Faults { get; set; } = [];

    /// <summary>Decides ids and jitter: equal seeds and equal calls give equal runs.</summary>
    public int RandomSeed { get; set; } = 1;

    /// <summary>What the emulator's clock shows first; null is now.</summary>
    public DateTime? StartTime { get; set; }

    /// <summary>The real time since the emulator started.</summary>
    internal Func<TimeSpan> Elapsed { get; set; } = RealTime();

    private static Func<TimeSpan> RealTime()
    {
        Stopwatch sinceStart = Stopwatch.StartNew();
        return () => sinceStart.Elapsed;
    }
}
