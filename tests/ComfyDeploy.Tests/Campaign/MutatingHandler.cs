namespace ComfyDeploy.Tests.Campaign;

/// <summary>Mutates one of the service's JSON answers, but not that of a create: nothing else tells its run.</summary>
/// <param name="inner">Gives the good answers.</param>
/// <param name="at">Which JSON answer, from 1.</param>
/// <param name="random">Decides how.</param>
internal sealed class MutatingHandler(HttpMessageHandler inner, int at, Random random) : HttpMessageHandler
{
    private readonly HttpMessageInvoker _inner = new(inner);
    private int _answers;

    /// <summary>What was done; null when the call needed fewer answers.</summary>
    internal string? Mutation { get; private set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage answer = await _inner.SendAsync(request, cancellationToken).ConfigureAwait(false);
        bool isJson = answer.IsSuccessStatusCode && !request.RequestUri!.AbsolutePath.EndsWith("/queue", StringComparison.Ordinal) && answer.Content.Headers.ContentType?.MediaType == "application/json";
        if (!isJson || Interlocked.Increment(ref _answers) != at) return answer;
        byte[] body = await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        (Mutation, answer.Content) = AnswerMutation.Of(body, random);
        return answer;
    }
}
