namespace ComfyDeploy.Client;

/// <summary>Reads every body, until the token ends it; .NET Framework cannot cancel a read, so its response is disposed.</summary>
internal static class ResponseBody
{
    internal const int ErrorLimit = 64 * 1024;

    internal static async Task<MemoryStream> ReadAsync(HttpResponseMessage response, int limit, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration abort = cancellationToken.Register(response.Dispose);
        try
        {
            MemoryStream body = new();
            using Stream stream = await response.Content.ReadAsStreamAsync().ConfigureAwait(false);
            byte[] buffer = new byte[16 * 1024];
            while (body.Length < limit)
            {
                int wanted = (int)Math.Min(buffer.Length, limit - body.Length);
                int read = await stream.ReadAsync(buffer, 0, wanted, cancellationToken).ConfigureAwait(false);
                if (read == 0) break;
                body.Write(buffer, 0, read);
            }
            body.Position = 0;
            return body;
        }
        catch (Exception e) when (cancellationToken.IsCancellationRequested
            && e is ObjectDisposedException or IOException or HttpRequestException)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
    }
}
