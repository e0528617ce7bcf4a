using System.Text;

namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    /// <summary>Any call, its answer as text. Reads are tried again after passing troubles; anything else is sent once, since nobody knows what a second would do.</summary>
    internal async Task<string> InvokeAsync(HttpMethod method, string path, string? body, CancellationToken stop)
    {
        HttpRequestMessage Create()
        {
            HttpRequestMessage request = Request(method, path);
            if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            return request;
        }

        if (method == HttpMethod.Get || method == HttpMethod.Head) return await SendAsync(Create, Text, ErrorIds.ServiceError, stop).ConfigureAwait(false);
        TryResult<string> result = await TryAsync(Create, Text, ErrorIds.ServiceError, stop).ConfigureAwait(false);
        return result.Error is null ? result.Value! : throw result.Error;
    }

    private static string Text(MemoryStream body) => Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length);
}
