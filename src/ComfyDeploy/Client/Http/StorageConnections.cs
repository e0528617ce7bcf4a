namespace ComfyDeploy.Client;

/// <summary>
/// The connections to storage hosts. No key is ever set on them, so that a redirect by the storage host cannot carry one.
/// </summary>
internal sealed class StorageConnections(HttpMessageHandler handler) : IDisposable
{
    internal HttpClient Http { get; } = new(handler) { Timeout = Timeout.InfiniteTimeSpan };

    /// <param name="maxPerHost">The limit per host: without one, HttpClient opens an extra connection in advance.</param>
    internal static HttpMessageHandler CreateHandler(int maxPerHost) =>
        new HttpClientHandler { UseCookies = false, MaxConnectionsPerServer = maxPerHost };

    public void Dispose() => Http.Dispose();
}
