using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;

namespace ComfyDeploy.Client;

/// <summary>What all requests of one connection share: the sockets, the service's clock, the deployments it has read.</summary>
internal sealed class ApiSession
{
    private static readonly ConditionalWeakTable<ComfyConnection, ApiSession> Sessions = new();
    private static readonly string UserAgent = $"ComfyDeploy-PowerShell/{typeof(ApiSession).Assembly.GetName().Version.ToString(3)}";

    private readonly HttpClient _http;
    private readonly ComfyConnection _connection;

    internal ApiSession(ComfyConnection connection, HttpMessageHandler handler, IClock? clock = null, AccountState? account = null)
    {
        _connection = connection;
        Account = account ?? new();
        Clock = clock ?? SystemClock.Instance;
        // Each request has its own timeout token, which distinguishes a timeout from Ctrl+C.
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    internal ComfyConnection Connection => _connection;

    internal IClock Clock { get; }

    internal AccountState Account { get; }

    /// <summary>Opens connections to storage hosts, at most so many for each.</summary>
    internal Func<int, StorageConnections> ConnectStorage { get; init; } = maxPerHost => new(StorageConnections.CreateHandler(maxPerHost));

    internal KnownRuns KnownRuns => Account.KnownRuns;

    internal DeploymentCache Deployments { get; } = new();

    internal GpuPriceList GpuPrices { get; } = new();

    /// <summary>The service's clock minus the local clock, by the latest Date header; null before the first.</summary>
    internal TimeSpan? ClockOffset { get; private set; }

    /// <summary>UTC by the service's clock, as far as it is known.</summary>
    internal DateTime ServiceNow => Clock.Now + (ClockOffset ?? TimeSpan.Zero);

    internal static ApiSession For(ComfyConnection connection) =>
        Sessions.GetValue(connection, c => new(c, CreateHandler(), account: AccountState.Of(c)));

    /// <summary>Lets a test give a connection its own handler and clock.</summary>
    internal static void Attach(ApiSession session) => Sessions.Add(session._connection, session);

    /// <summary>One attempt of one request, headers only. The key is sent to the connection's own address and nowhere else.</summary>
    /// <param name="request">Its address is relative to the connection's base.</param>
    /// <param name="log">Receives one line.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    internal async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, ICallLog log, CancellationToken cancellationToken)
    {
        string path = request.RequestUri.OriginalString;
        // Anything else could become part of the host name, and send the key to another host.
        if (!path.StartsWith("/", StringComparison.Ordinal))
        {
            throw new ArgumentException("A path must begin with a slash.", nameof(request));
        }
        request.RequestUri = new Uri(_connection.BaseUri.AbsoluteUri.TrimEnd('/') + path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _connection.ApiKey.Reveal());
        request.Headers.UserAgent.ParseAdd(UserAgent);
        DateTime began = Clock.Now;
        try
        {
            HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
                .ConfigureAwait(false);
            log.Debug($"{request.Method} {path} -> {(int)response.StatusCode} in {(Clock.Now - began).TotalMilliseconds:0} ms");
            if (response.Headers.Date is { } date) ClockOffset = date.UtcDateTime - Clock.Now;
            return response;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            log.Debug($"{request.Method} {path} -> {ConnectionFailures.Describe(e)} after {(Clock.Now - began).TotalMilliseconds:0} ms");
            throw;
        }
    }

    private static HttpClientHandler CreateHandler()
    {
        // Windows PowerShell may still start without TLS 1.2; SystemDefault (0) already has it.
        if (DesktopAssemblyResolver.IsDesktop && ServicePointManager.SecurityProtocol != 0)
            ServicePointManager.SecurityProtocol |= SecurityProtocolType.Tls12;
        return new()
        {
            // A redirect would send the key to another address.
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.GZip | DecompressionMethods.Deflate,
            MaxConnectionsPerServer = 32,
        };
    }
}
