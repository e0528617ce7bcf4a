using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ComfyDeploy.Client;

/// <summary>The service as one cmdlet sees it: a light object over the shared session, with that cmdlet's log and deadline. Every call throws <see cref="ComfyDeployException"/>.</summary>
internal sealed partial class ComfyDeployClient(ApiSession session, ICallLog log)
{
    // A timer of .NET Framework counts no further.
    private static readonly TimeSpan LongestRequest = TimeSpan.FromDays(24);

    internal ApiSession Session => session;

    /// <summary>When the caller's own time is over, UTC: no retry is begun that would end later.</summary>
    internal DateTime? Deadline { get; set; }

    /// <summary>How often a read is tried again; a waiter, which comes back anyway, says 0.</summary>
    internal int MaxRetries { get; init; } = Retry.MaxRetries;

    /// <summary>How long one request may take; null for what the connection says.</summary>
    internal TimeSpan? RequestTimeout { get; init; }

    private ComfyConnection Connection => session.Connection;

    private Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, string notFoundId, CancellationToken stop) =>
        SendAsync(() => Request(HttpMethod.Get, path), Json(type), notFoundId, stop);

    private static HttpRequestMessage Request(HttpMethod method, string path) => new(method, new Uri(path, UriKind.Relative));

    private static Func<MemoryStream, T> Json<T>(JsonTypeInfo<T> type) => body => JsonSerializer.Deserialize(body, type) ?? throw new JsonException("null");

    /// <summary>For calls that may be repeated without harm: tries again after passing troubles.</summary>
    private async Task<T> SendAsync<T>(Func<HttpRequestMessage> create, Func<MemoryStream, T> read, string notFoundId, CancellationToken stop)
    {
        for (int retry = 1; ; retry++)
        {
            TryResult<T> result = await TryAsync(create, read, notFoundId, stop).ConfigureAwait(false);
            if (result.Error is null) return result.Value!;
            if (!result.IsTransient || retry > MaxRetries) throw result.Error;

            TimeSpan pause = Retry.PauseBefore(retry, result.Error.RetryAfter);
            if (Deadline is { } deadline && session.Clock.Now + pause > deadline) throw result.Error;
            log.Warning($"{result.What}: {result.Error.Message} Trying again in {pause.TotalSeconds:0.0} s ({Retry.Left(retry, MaxRetries)}).");
            await session.Clock.DelayAsync(pause, stop).ConfigureAwait(false);
        }
    }

    /// <summary>One try: the request, its time limit, its body.</summary>
    private async Task<TryResult<T>> TryAsync<T>(Func<HttpRequestMessage> create, Func<MemoryStream, T> read, string notFoundId, CancellationToken stop)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        TimeSpan time = RequestTimeout ?? Connection.RequestTimeout;
        limit.CancelAfter(time < LongestRequest ? time : LongestRequest);
        using HttpRequestMessage request = create();
        string what = $"{request.Method} {request.RequestUri.OriginalString.Split('?')[0]}";
        try
        {
            using HttpResponseMessage response = await session.SendAsync(request, log, limit.Token).ConfigureAwait(false);
            int status = (int)response.StatusCode;
            if (response.IsSuccessStatusCode)
            {
                using MemoryStream body = await ResponseBody.ReadAsync(response, int.MaxValue, limit.Token).ConfigureAwait(false);
                return new(what) { Value = read(body), Status = status };
            }
            using MemoryStream error = await ResponseBody.ReadAsync(response, ResponseBody.ErrorLimit, limit.Token).ConfigureAwait(false);
            ComfyDeployException failure = ApiErrors.From(response, error, notFoundId, request.Headers.Authorization?.Parameter);
            failure.RetryAfter = Retry.AskedFor(response.Headers.RetryAfter, session.ServiceNow);
            return new(what) { Error = failure, Status = status, IsTransient = Retry.IsTransient(status) };
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return new(what) { Error = new(ErrorIds.RequestTimeout, $"No answer to {what} within {time.TotalSeconds:0.#} s."), IsTransient = true };
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            stop.ThrowIfCancellationRequested();
            return new(what)
            {
                Error = new(ErrorIds.ConnectionFailed, $"The service at {Connection.BaseUri.Host} cannot be reached: {ConnectionFailures.Describe(e)}", e),
                IsTransient = true,
                SurelyNotSent = ConnectionFailures.SurelyNotSent(e),
            };
        }
        catch (ObjectDisposedException e) when (Connection.IsClosed)
        {
            return new(what) { Error = new(ErrorIds.NotConnected, $"The connection '{Connection.Name}' was closed meanwhile.", e) };
        }
        catch (JsonException e)
        {
            return new(what) { Error = new(ErrorIds.ServiceError, $"The answer to {what} cannot be read: it is not the JSON it should be.", e), IsTransient = true };
        }
    }

    /// <param name="what">The request, for messages.</param>
    private sealed class TryResult<T>(string what)
    {
        internal string What => what;

        internal T? Value { get; init; }

        internal ComfyDeployException? Error { get; init; }

        /// <summary>HTTP status; null when no answer came.</summary>
        internal int? Status { get; init; }

        internal bool IsTransient { get; init; }

        internal bool SurelyNotSent { get; init; }
    }
}
