using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;

namespace ComfyDeploy.Client;

/// <summary>What all requests of one connection share: the sockets, the service's clock, the deployments it has read.</summary>
internal sealed class ApiSession
{
    private static readonly ConditionalWeakTable<ComfyConnection, ApiSession> Sessions = new();
    private static readonly string UserAgent = $"ComfyDeploy-PowerShell/{typeof(ApiSession).Assembly.GetName().Version.ToString(3)}";

    // A date further away is none: nothing could be added to it or taken from it.
    private static readonly TimeSpan MaxClockOffset = TimeSpan.FromDays(3650);

    private readonly ComfyConnection _connection;
    private readonly Func<HttpMessageHandler>? _renewHandler;
    private volatile HttpClient _http;

    /// <param name="connection">The account.</param>
    /// <param name="handler">Sends the requests.</param>
    /// <param name="clock">Time.</param>
    /// <param name="account">What the process remembers of the account.</param>
    /// <param name="renewHandler">Makes another handler, with sockets of its own.</param>
    internal ApiSession(
        ComfyConnection connection, HttpMessageHandler handler, IClock? clock = null, AccountState? account = null,
        Func<HttpMessageHandler>? renewHandler = null)
    {
        _connection = connection;
        _renewHandler = renewHandler;
        Account = account ?? new();
        Clock = clock ?? SystemClock.Instance;
        _http = CreateClient(handler);
        Poller = new(this);
    }

    internal ComfyConnection Connection => _connection;

    internal IClock Clock { get; }

    internal AccountState Account { get; }

    /// <summary>Opens connections to storage hosts, at most so many for each.</summary>
    internal Func<int, StorageConnections> ConnectStorage { get; init; } = maxPerHost => new(StorageConnections.CreateHandler(maxPerHost));

    internal KnownRuns KnownRuns => Account.KnownRuns;

    internal DeploymentCache Deployments { get; } = new();

    /// <summary>What all waits on this connection share.</summary>
    internal RunPoller Poller { get; }

    internal GpuPriceList GpuPrices { get; } = new();

    /// <summary>The service's clock minus the local clock, by the latest Date header; null before the first.</summary>
    internal TimeSpan? ClockOffset { get; private set; }

    /// <summary>UTC by the service's clock, as far as it is known.</summary>
    internal DateTime ServiceNow => Clock.Now + (ClockOffset ?? TimeSpan.Zero);

    internal static ApiSession For(ComfyConnection connection) =>
        Sessions.GetValue(connection, c => new(c, CreateHandler(), account: AccountState.Of(c), renewHandler: CreateHandler));

    /// <summary>Lets a test give a connection its own handler and clock.</summary>
    internal static void Attach(ApiSession session) => Sessions.Add(session._connection, session);

    /// <summary>One attempt of one request, headers only. The key is sent to the connection's own address and nowhere else.</summary>
    /// <param name="request">Its address is relative to the connection's base.</param>
    /// <param name="log">Receives one line.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="ComfyDeployException">The connection is closed; nothing was sent.</exception>
    internal async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, ICallLog log, CancellationToken cancellationToken)
    {
        string path = request.RequestUri.OriginalString;
        // Anything else could become part of the host name, and send the key to another host.
        if (!path.StartsWith("/", StringComparison.Ordinal))
        {
            throw new ArgumentException("A path must begin with a slash.", nameof(request));
        }
        request.RequestUri = new Uri(_connection.Address + path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", RevealKey());
        DateTime began = Clock.Now;
        try
        {
            HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
                .ConfigureAwait(false);
            log.Debug($"{request.Method} {path} -> {(int)response.StatusCode} in {(Clock.Now - began).TotalMilliseconds:0} ms");
            if (response.Headers.Date is { } date && (date.UtcDateTime - Clock.Now).Duration() < MaxClockOffset)
                ClockOffset = date.UtcDateTime - Clock.Now;
            // After an unhandled error the service closes the socket and does not say so. A create sent on it would be lost: leave it.
            if (IsUnhandledError(response) && _renewHandler is not null) _http = CreateClient(_renewHandler());
            return response;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            log.Debug($"{request.Method} {path} -> {ConnectionFailures.Describe(e)} after {(Clock.Now - began).TotalMilliseconds:0} ms");
            throw;
        }
    }

    private string RevealKey()
    {
        try
        {
            return _connection.ApiKey.Reveal();
        }
        catch (ObjectDisposedException)
        {
            throw Errors.ConnectionClosed(_connection.Name);
        }
    }

    /// <summary>An error that the service handles is JSON.</summary>
    private static bool IsUnhandledError(HttpResponseMessage response) =>
        response is { StatusCode: HttpStatusCode.InternalServerError, Content.Headers.ContentType.MediaType: "text/plain" };

    /// <summary>Each request has its own timeout token, which distinguishes a timeout from Ctrl+C.</summary>
    private static HttpClient CreateClient(HttpMessageHandler handler)
    {
        HttpClient client = new(handler) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd(UserAgent);
        return client;
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
