namespace ComfyDeploy.Client;

/// <summary>
/// The connections to storage hosts. No key is ever set on them, so that a redirect by the storage host cannot carry one.
/// </summary>
/// <param name="maxPerHost">The limit per host: without one, HttpClient opens an extra connection in advance.</param>
internal sealed class StorageConnections(int maxPerHost) : IDisposable
{
    internal HttpClient Http { get; } =
        new(new HttpClientHandler { UseCookies = false, MaxConnectionsPerServer = maxPerHost }) { Timeout = Timeout.InfiniteTimeSpan };

    public void Dispose() => Http.Dispose();
}
