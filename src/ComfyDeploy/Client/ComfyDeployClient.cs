using System.Text.Json.Serialization.Metadata;

namespace ComfyDeploy.Client;

/// <summary>
/// The service for one cmdlet: a lightweight object over the shared session, with that cmdlet's log and deadline.
/// Every method throws <see cref="ComfyDeployException"/>.
/// </summary>
internal sealed partial class ComfyDeployClient(ApiSession session, ICallLog log)
{
    // A timer of .NET Framework has no longer interval.
    private static readonly TimeSpan MaxRequestTimeout = TimeSpan.FromDays(24);

    internal ApiSession Session => session;

    /// <summary>The end of the caller's timeout, UTC: no retry begins later.</summary>
    internal DateTime? Deadline { get; set; }

    /// <summary>Retries of one call; 0 for a caller that polls anyway.</summary>
    internal int MaxRetries { get; init; } = Retry.MaxRetries;

    /// <summary>The timeout of one request; null for the connection's own.</summary>
    internal TimeSpan? RequestTimeout { get; init; }

    private ComfyConnection Connection => session.Connection;

    private Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, string notFoundId, CancellationToken cancellationToken) =>
        SendAsync(() => Request(HttpMethod.Get, path), Json(type), notFoundId, cancellationToken);

    private static HttpRequestMessage Request(HttpMethod method, string path) => new(method, new Uri(path, UriKind.Relative));

    private static Func<MemoryStream, T> Json<T>(JsonTypeInfo<T> type) =>
        body => WireJson.Read(body, type);

    /// <summary>For requests that may be repeated without harm: retries transient failures.</summary>
    private Task<T> SendAsync<T>(
        Func<HttpRequestMessage> create, Func<MemoryStream, T> read, string notFoundId, CancellationToken cancellationToken) =>
        RetryAsync(
            () => SendOnceAsync(create, read, notFoundId, cancellationToken),
            attempt => $"{attempt.Request}: {attempt.Error!.Message}",
            cancellationToken);

    private Task<T> RetryAsync<T>(Func<Task<Attempt<T>>> sendOnce, Func<Attempt<T>, string> describe,
        CancellationToken cancellationToken) =>
        new Retry(session.Clock, log, MaxRetries) { Deadline = Deadline }.RunAsync(sendOnce, describe, cancellationToken);

    /// <summary>One attempt: the request, its time limit, its body.</summary>
    private async Task<Attempt<T>> SendOnceAsync<T>(
        Func<HttpRequestMessage> create, Func<MemoryStream, T> read, string notFoundId, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        TimeSpan timeout = RequestTimeout ?? Connection.RequestTimeout;
        void Restart() => session.Clock.CancelAfter(limit, timeout < MaxRequestTimeout ? timeout : MaxRequestTimeout);
        Restart();
        using HttpRequestMessage request = create();
        // An upload may take long: its limit is that of no progress.
        if (request.Content is UploadContent upload) upload.Watch(Restart, limit.Token);
        string what = $"{request.Method} {request.RequestUri.OriginalString.Split('?')[0]}";
        try
        {
            using HttpResponseMessage response = await session.SendAsync(request, log, limit.Token).ConfigureAwait(false);
            int status = (int)response.StatusCode;
            if (response.IsSuccessStatusCode)
            {
                T value = await ResponseBody.ReadAsync(response, what, Connection.BaseUri.Host, read, limit.Token).ConfigureAwait(false);
                return new(what) { Value = value, Status = status };
            }
            using MemoryStream error = await ResponseBody.ReadErrorAsync(response, limit.Token).ConfigureAwait(false);
            ComfyDeployException failure = ApiErrors.From(response, error, notFoundId, request.Headers.Authorization?.Parameter);
            failure.RetryAfter = Retry.RequestedPause(response.Headers.RetryAfter, session.ServiceNow);
            return new(what) { Error = failure, Status = status, CanRetry = Retry.IsTransient(status) };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(what) { Error = Errors.RequestTimeout(what, timeout), CanRetry = true };
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new(what)
            {
                Error = Errors.ConnectionFailed(Connection.BaseUri.Host, ConnectionFailures.Describe(e), e),
                CanRetry = true,
                NotSent = ConnectionFailures.NotSent(e),
            };
        }
        catch (ComfyDeployException e) when (e.ErrorId == ErrorIds.NotConnected)
        {
            return new(what) { Error = e, NotSent = true };
        }
        catch (ComfyDeployException e)
        {
            return new(what) { Error = e, CanRetry = e.ErrorId != ErrorIds.ResponseTooLarge };
        }
    }
}
