namespace ComfyDeploy.Client;

/// <summary>
/// How long to leave a run alone between two looks: short while it is young, up to ten seconds when it takes long anyway.
/// </summary>
internal static class PollInterval
{
    private const double MinSeconds = 2;
    private const double MaxSeconds = 10;
    private const double ShareOfElapsed = 0.07;
    private static readonly TimeSpan Young = TimeSpan.FromMinutes(1);

    internal static TimeSpan After(TimeSpan elapsed) =>
        TimeSpan.FromSeconds(
            elapsed < Young ? MinSeconds : Math.Min(Math.Max(MinSeconds, elapsed.TotalSeconds * ShareOfElapsed), MaxSeconds));
}
