using System.Text;

namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    /// <summary>
    /// Any request, its answer as text. Reads are retried after transient failures; anything else is sent once, since a second
    /// one might repeat its effect.
    /// </summary>
    internal async Task<string> InvokeAsync(HttpMethod method, string path, string? body, CancellationToken cancellationToken)
    {
        HttpRequestMessage Create()
        {
            HttpRequestMessage request = Request(method, path);
            if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            return request;
        }

        if (method == HttpMethod.Get || method == HttpMethod.Head)
            return await SendAsync(Create, Text, ErrorIds.ServiceError, cancellationToken).ConfigureAwait(false);
        Attempt<string> attempt = await SendOnceAsync(Create, Text, ErrorIds.ServiceError, cancellationToken).ConfigureAwait(false);
        return attempt.Error is null ? attempt.Value! : throw attempt.Error;
    }

    private static string Text(MemoryStream body) => Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length);
}
