namespace ComfyDeploy.Client;

/// <summary>The client's time, which tests can replace so that they do not wait.</summary>
internal interface IClock
{
    /// <summary>UTC.</summary>
    DateTime Now { get; }

    Task DelayAsync(TimeSpan time, CancellationToken cancellationToken);

    /// <summary>Cancels the source after this time; a later call for the same source takes the place of the earlier one.</summary>
    void CancelAfter(CancellationTokenSource source, TimeSpan time);

    /// <summary>A random number from 0 to 1, by which the pauses of many clients differ.</summary>
    double Jitter();

    /// <summary>Blocks the thread until one of the handles is set or the time has passed.</summary>
    void Wait(WaitHandle[] handles, TimeSpan time);
}

internal sealed class SystemClock : IClock
{
    internal static readonly SystemClock Instance = new();

    private readonly Random _random = new();

    private SystemClock() { }

    public DateTime Now => DateTime.UtcNow;

    public Task DelayAsync(TimeSpan time, CancellationToken cancellationToken) => Task.Delay(time, cancellationToken);

    public void CancelAfter(CancellationTokenSource source, TimeSpan time) => source.CancelAfter(time);

    public void Wait(WaitHandle[] handles, TimeSpan time) => WaitHandle.WaitAny(handles, time);

    public double Jitter()
    {
        lock (_random) return _random.NextDouble();
    }
}
