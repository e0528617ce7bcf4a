using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>Reads every body, until the token ends it; .NET Framework cannot cancel a read, so its response is disposed.</summary>
internal static class ResponseBody
{
    /// <summary>Bytes of a success, decompressed: a compressed body of a megabyte could fill the memory.</summary>
    internal const int Limit = 256 * 1024 * 1024;
    private const int ErrorLimit = 64 * 1024;

    /// <summary>
    /// Turns the body of a success into a value. Whatever fails on the way leaves as one exception: a broken connection, a corrupt
    /// compression, a text that is not the expected JSON.
    /// </summary>
    /// <param name="response">The answer.</param>
    /// <param name="request">What it answers, for messages.</param>
    /// <param name="host">Where it comes from, for messages.</param>
    /// <param name="read">Makes the value.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    internal static async Task<T> ReadAsync<T>(
        HttpResponseMessage response, string request, string host, Func<MemoryStream, T> read, CancellationToken cancellationToken)
    {
        try
        {
            using MemoryStream body = new();
            bool isWhole = await CopyAsync(response, body, Limit, cancellationToken).ConfigureAwait(false);
            return isWhole ? read(body) : throw Errors.ResponseTooLarge(request, Limit);
        }
        catch (Exception e) when (IsReadFailure(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw e is HttpRequestException or IOException
                ? Errors.ConnectionFailed(host, ConnectionFailures.Describe(e), e)
                : Errors.UnreadableAnswer(request, e);
        }
    }

    /// <summary>The body of a refusal, up to a limit; empty when it cannot be read, since the status alone tells enough.</summary>
    internal static async Task<MemoryStream> ReadErrorAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        MemoryStream body = new();
        try
        {
            await CopyAsync(response, body, ErrorLimit, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsReadFailure(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            body.SetLength(0);
        }
        return body;
    }

    /// <summary>
    /// What reading can throw: HttpRequestException and IOException (the connection, TLS, a body cut short), InvalidDataException (corrupt
    /// compression), OperationCanceledException, NotSupportedException and ObjectDisposedException, an InvalidOperationException (a
    /// response disposed by the token), and JsonException, InvalidOperationException, FormatException and OverflowException (JSON).
    /// </summary>
    private static bool IsReadFailure(Exception failure) =>
        failure is HttpRequestException or IOException or InvalidDataException or OperationCanceledException or NotSupportedException
            or InvalidOperationException or JsonException or FormatException or OverflowException;

    /// <summary>Copies the body up to the limit.</summary>
    /// <returns>False when there is more.</returns>
    private static async Task<bool> CopyAsync(
        HttpResponseMessage response, MemoryStream body, int limit, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration abort = cancellationToken.Register(response.Dispose);
        using Stream stream = await response.Content.ReadAsStreamAsync().ConfigureAwait(false);
        byte[] buffer = new byte[16 * 1024];
        while (true)
        {
            int read = await stream.ReadAsync(buffer, 0, buffer.Length, cancellationToken).ConfigureAwait(false);
            int kept = (int)Math.Min(read, limit - body.Length);
            body.Write(buffer, 0, kept);
            if (read > 0 && kept == read) continue;
            body.Position = 0;
            return kept == read;
        }
    }
}
