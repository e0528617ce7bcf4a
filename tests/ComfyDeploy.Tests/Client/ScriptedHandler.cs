using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace ComfyDeploy.Tests.Client;

/// <summary>A service that responds as the test specifies and records its requests.</summary>
internal sealed class ScriptedHandler(Func<SentRequest, CancellationToken, Task<HttpResponseMessage>> answer) : HttpMessageHandler
{
    private readonly List<SentRequest> _requests = [];

    internal ScriptedHandler(Func<SentRequest, HttpResponseMessage> answer) : this((request, _) => Task.FromResult(answer(request))) { }

    /// <summary>One response after the other; the last one repeats.</summary>
    internal ScriptedHandler(params Func<HttpResponseMessage>[] answers) : this(request => answers[Math.Min(request.Number, answers.Length - 1)]()) { }

    internal IReadOnlyList<SentRequest> Requests
    {
        get
        {
            lock (_requests) return [.. _requests];
        }
    }

    internal int Count(string method, string pathPart) =>
        Requests.Count(request => request.Method == method && request.PathAndQuery.Contains(pathPart, StringComparison.Ordinal));

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        string body = request.Content is null ? "" : await BodyAsync(request.Content, cancellationToken).ConfigureAwait(false);
        SentRequest sent;
        lock (_requests)
        {
            sent = new(_requests.Count, request.Method.Method, request.RequestUri!, body, request.Headers.Authorization);
            _requests.Add(sent);
        }
        return await answer(sent, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<string> BodyAsync(HttpContent content, CancellationToken cancellationToken)
    {
        using StreamReader reader = new(await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false));
        return await reader.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
    }
}

internal sealed record SentRequest(int Number, string Method, Uri Address, string Body, AuthenticationHeaderValue? Authorization)
{
    internal string PathAndQuery => Address.PathAndQuery;

    /// <summary>Whether a wait sends it for all runs of a workflow: their list, or what the service announces.</summary>
    internal bool IsShared => Address.AbsolutePath.Contains("/v2/", StringComparison.Ordinal);
}

/// <summary>Scripted responses.</summary>
internal static class Reply
{
    internal static HttpResponseMessage Json(string body, int status = 200) => With(status, body, "application/json");

    internal static HttpResponseMessage With(int status, string body, string type = "text/plain") => new((HttpStatusCode)status) { Content = new StringContent(body, Encoding.UTF8, type) };

    internal static HttpResponseMessage Status(int status) => With(status, "");

    internal static HttpResponseMessage RetryAfter(int status, RetryConditionHeaderValue retryAfter)
    {
        HttpResponseMessage response = Status(status);
        response.Headers.RetryAfter = retryAfter;
        return response;
    }

    internal static HttpResponseMessage Dated(this HttpResponseMessage response, DateTimeOffset date)
    {
        response.Headers.Date = date;
        return response;
    }
}
