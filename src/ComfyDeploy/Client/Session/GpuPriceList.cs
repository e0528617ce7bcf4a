namespace ComfyDeploy.Client;

/// <summary>The prices once they are read; a failure is remembered for a minute, so that not every run requests them again.</summary>
internal sealed class GpuPriceList
{
    private static readonly TimeSpan FailureLifetime = TimeSpan.FromMinutes(1);
    private static readonly Dictionary<string, decimal> None = [];

    private volatile Dictionary<string, decimal>? _prices;
    private DateTime _retryAt;

    /// <summary>Held while they are requested.</summary>
    internal SemaphoreSlim Gate { get; } = new(1, 1);

    internal Dictionary<string, decimal>? Known(DateTime now) => _prices ?? (now < _retryAt ? None : null);

    /// <summary>Stores the prices; null for a failure.</summary>
    internal Dictionary<string, decimal> Set(Dictionary<string, decimal>? prices, DateTime now)
    {
        _prices = prices;
        _retryAt = now + FailureLifetime;
        return prices ?? None;
    }
}
