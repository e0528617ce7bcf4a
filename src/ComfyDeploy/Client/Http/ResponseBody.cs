using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>Reads every body, until the token ends it; .NET Framework cannot cancel a read, so its response is disposed.</summary>
internal static class ResponseBody
{
    /// <summary>Bytes of a success, decompressed: a compressed body of a megabyte could fill the memory.</summary>
    internal const int Limit = 256 * 1024 * 1024;
    private const int ErrorLimit = 64 * 1024;
    private const int FirstSize = 16 * 1024;
    // A page of a long list; what only one body needed is not kept.
    private const int MaxSpareSize = 4 * 1024 * 1024;

    /// <summary>The buffer of a body that was read, for the next one.</summary>
    private static byte[]? _spare;

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
            byte[] spare = Interlocked.Exchange(ref _spare, null) ?? new byte[FirstSize];
            (byte[] bytes, int length) = await FillAsync(response, spare, Limit, cancellationToken).ConfigureAwait(false);
            if (length > Limit) throw Errors.ResponseTooLarge(request, Limit);
            T value = read(new(bytes, 0, length, writable: false, publiclyVisible: true));
            // Only after a success: something may still write to it after a read that was given up.
            if (bytes.Length <= MaxSpareSize) _spare = bytes;
            return value;
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
        try
        {
            (byte[] bytes, int length) =
                await FillAsync(response, new byte[FirstSize], ErrorLimit, cancellationToken).ConfigureAwait(false);
            return new(bytes, 0, Math.Min(length, ErrorLimit), writable: false, publiclyVisible: true);
        }
        catch (Exception e) when (IsReadFailure(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new();
        }
    }

    /// <summary>
    /// What reading can throw: HttpRequestException and IOException (the connection, TLS, a body cut short), InvalidDataException (corrupt
    /// compression), OperationCanceledException, NotSupportedException and ObjectDisposedException, an InvalidOperationException (a
    /// response disposed by the token), and JsonException, InvalidOperationException, FormatException and OverflowException (JSON).
    /// </summary>
    private static bool IsReadFailure(Exception failure) =>
        failure is HttpRequestException or IOException or InvalidDataException or OperationCanceledException or NotSupportedException
            or InvalidOperationException or JsonException or FormatException or OverflowException;

    /// <summary>Reads the body into the buffer, or into a larger one, up to a byte more than the limit.</summary>
    private static async Task<(byte[] Bytes, int Length)> FillAsync(
        HttpResponseMessage response, byte[] buffer, int limit, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration abort = cancellationToken.Register(response.Dispose);
        using Stream stream = await response.Content.ReadAsStreamAsync().ConfigureAwait(false);
        // A byte more, so that the end is seen without another buffer.
        long expected = Math.Min(response.Content.Headers.ContentLength + 1 ?? 0, MaxSpareSize);
        if (expected > buffer.Length) buffer = new byte[expected];
        int length = 0;
        while (true)
        {
            int read = await stream.ReadAsync(buffer, length, buffer.Length - length, cancellationToken).ConfigureAwait(false);
            length += read;
            if (read == 0 || length > limit) return (buffer, length);
            if (length == buffer.Length) Array.Resize(ref buffer, (int)Math.Min(2L * length, limit + 1L));
        }
    }
}
