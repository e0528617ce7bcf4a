using System.Text;

namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    /// <summary>
    /// Any request, its answer as it came. Reads are retried after transient failures; anything else is sent once, since a second
    /// one might repeat its effect.
    /// </summary>
    internal async Task<byte[]> InvokeAsync(string method, string path, string? body, CancellationToken cancellationToken)
    {
        HttpRequestMessage Create()
        {
            HttpRequestMessage request = Request(new HttpMethod(method), path);
            if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            return request;
        }

        if (IsRead(method)) return await SendAsync(Create, Bytes, ErrorIds.NotFound, cancellationToken).ConfigureAwait(false);
        Attempt<byte[]> attempt = await SendOnceAsync(Create, Bytes, ErrorIds.NotFound, cancellationToken).ConfigureAwait(false);
        return attempt.Error is null ? attempt.Value! : throw attempt.Error;
    }

    /// <summary>Whether a method changes nothing.</summary>
    internal static bool IsRead(string method) => method is "GET" or "HEAD";

    private static byte[] Bytes(MemoryStream body) => body.ToArray();
}
