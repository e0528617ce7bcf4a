namespace ComfyDeploy.Client;

/// <summary>Time as the client sees it, so that tests do not wait for it.</summary>
internal interface IClock
{
    /// <summary>UTC.</summary>
    DateTime Now { get; }

    Task DelayAsync(TimeSpan time, CancellationToken stop);
}

internal sealed class SystemClock : IClock
{
    internal static readonly SystemClock Instance = new();

    private SystemClock() { }

    public DateTime Now => DateTime.UtcNow;

    public Task DelayAsync(TimeSpan time, CancellationToken stop) => Task.Delay(time, stop);
}
