using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Downloads files from storage: to <c>name.part</c>, which becomes <c>name</c> only when complete. Never has a key.</summary>
/// <param name="storage">The connections to storage hosts.</param>
/// <param name="clock">Time.</param>
/// <param name="idleTimeout">How long the storage may send nothing.</param>
/// <param name="log">Receives requests and retries.</param>
internal sealed class Downloader(StorageConnections storage, IClock clock, TimeSpan idleTimeout, ICallLog log)
{
    internal const string PartSuffix = ".part";
    private const int BufferSize = 80 * 1024;

    /// <summary>Whether an existing file is replaced.</summary>
    internal bool Overwrite { get; init; }

    /// <summary>Receives the length of a complete file, before the file gets its name.</summary>
    internal Action<long>? OnComplete { get; init; }

    /// <summary>Once it is cancelled, a failure is final; a download under way continues.</summary>
    internal CancellationToken NoRetry { get; init; }

    /// <summary>Downloads one file; retries transient failures, and requests a new link once when the link is refused.</summary>
    /// <param name="link">Where the file is.</param>
    /// <param name="target">Its full path, in an existing folder.</param>
    /// <param name="what">The file's name in messages.</param>
    /// <param name="freshLink">Requests a new link from the service.</param>
    /// <param name="cancellationToken">Ends the download and deletes the partial file.</param>
    /// <exception cref="ComfyDeployException">DownloadFailed.</exception>
    internal Task SaveAsync(
        Uri link, string target, string what, Func<CancellationToken, Task<Uri?>> freshLink, CancellationToken cancellationToken)
    {
        bool isFresh = false;
        async Task<Attempt<bool>> DownloadAsync()
        {
            Attempt<bool> attempt = await DownloadOnceAsync(link, target, what, cancellationToken).ConfigureAwait(false);
            if (isFresh || attempt.Error is not { StatusCode: 401 or 403 } refusal) return attempt;
            // A signed link expires after an hour; each read of the run makes a new one.
            isFresh = true;
            link = await freshLink(cancellationToken).ConfigureAwait(false) ?? throw refusal;
            log.Verbose($"{what}: the link had expired, and the run was read again for a new one.");
            return attempt with { IsCorrected = true };
        }

        return new Retry(clock, log) { NoRetry = NoRetry }.RunAsync(DownloadAsync, attempt => attempt.Error!.Message, cancellationToken);
    }

    private async Task<Attempt<bool>> DownloadOnceAsync(Uri link, string target, string what, CancellationToken cancellationToken)
    {
        Attempt<bool> Failed(string message, Exception? cause, bool canRetry) =>
            new(what) { Error = new(ErrorIds.DownloadFailed, message, cause), CanRetry = canRetry };

        if (link.Scheme is not ("http" or "https"))
            return Failed($"{what}: the link begins with {link.Scheme}: and is not an http or https URL.", null, canRetry: false);
        string part = target + PartSuffix;
        bool isOurs = false;
        what = $"{what}, {SafeText.Clean(Path.GetFileName(target))} from {link.Host}";
        using CancellationTokenSource idle = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        clock.CancelAfter(idle, idleTimeout);
        try
        {
            using HttpResponseMessage response = await SendAsync(link, idle.Token).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                int status = (int)response.StatusCode;
                Attempt<bool> refused = Failed($"{what}: HTTP {status}.", null, canRetry: Retry.IsTransient(status) || status == 500);
                refused.Error!.StatusCode = status;
                refused.Error.RetryAfter = Retry.RequestedPause(response.Headers.RetryAfter, clock.Now);
                return refused;
            }
            long length;
            using (FileStream file = new(part, FileMode.Create, FileAccess.Write, FileShare.None, BufferSize, useAsync: true))
            {
                isOurs = true;
                length = await CopyAsync(response, file, idle).ConfigureAwait(false);
            }
            OnComplete?.Invoke(length);
            Publish(part, target);
            isOurs = false;
            return new(what);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Failed($"{what}: no byte within {idleTimeout.TotalSeconds:0.#} s.", null, canRetry: true);
        }
        catch (HttpRequestException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return Failed($"{what}: {ConnectionFailures.Describe(e)}", e, canRetry: true);
        }
        catch (IncompleteDownloadException e)
        {
            return Failed($"{what}: {e.Message}", e, canRetry: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return Failed($"{SafeText.Clean(target)} cannot be written: {ConnectionFailures.Describe(e)}", e, canRetry: false);
        }
        finally
        {
            // No partial file of ours stays after a failure; that of another process is not ours to delete.
            if (isOurs) Delete(part);
        }
    }

    /// <summary>A file that something else holds open or has replaced stays; the download has ended in any case.</summary>
    private void Delete(string part)
    {
        try
        {
            File.Delete(part);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Warning($"The partial file {SafeText.Clean(part)} cannot be deleted: {ConnectionFailures.Describe(e)}");
        }
    }

    /// <summary>The log receives the URL without its query, which may be a signature.</summary>
    private async Task<HttpResponseMessage> SendAsync(Uri link, CancellationToken cancellationToken)
    {
        string request = $"GET {link.Scheme}://{link.Authority}{link.AbsolutePath}";
        DateTime began = clock.Now;
        try
        {
            HttpResponseMessage response = await storage.Http.GetAsync(link, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
                .ConfigureAwait(false);
            log.Debug($"{request} -> {(int)response.StatusCode} in {(clock.Now - began).TotalMilliseconds:0} ms");
            return response;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            log.Debug($"{request} -> {ConnectionFailures.Describe(e)} after {(clock.Now - began).TotalMilliseconds:0} ms");
            throw;
        }
    }

    private async Task<long> CopyAsync(HttpResponseMessage response, FileStream file, CancellationTokenSource idle)
    {
        using CancellationTokenRegistration abort = idle.Token.Register(response.Dispose);
        long? expected = response.Content.Headers.ContentLength;
        long written = 0;
        using Stream source = await response.Content.ReadAsStreamAsync().ConfigureAwait(false);
        byte[] buffer = new byte[BufferSize];
        while (true)
        {
            int read = await ReadAsync(source, buffer, idle.Token).ConfigureAwait(false);
            if (read == 0) break;
            clock.CancelAfter(idle, idleTimeout);
            await file.WriteAsync(buffer, 0, read, idle.Token).ConfigureAwait(false);
            written += read;
        }
        if (expected is not null && written != expected) throw new IncompleteDownloadException($"{written} of {expected} bytes arrived.");
        return written;
    }

    /// <summary>Separates network failures, which may be transient, from disk failures, which are not.</summary>
    private static async Task<int> ReadAsync(Stream source, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await source.ReadAsync(buffer, 0, buffer.Length, cancellationToken).ConfigureAwait(false);
        }
        // The last two come from a response that was disposed while it was read.
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException or NotSupportedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new IncompleteDownloadException(ConnectionFailures.Describe(e), e);
        }
    }

    private void Publish(string part, string target)
    {
        // Without Overwrite, a file that appeared during the download belongs to someone else.
        if (Overwrite && File.Exists(target)) File.Replace(part, target, null);
        else File.Move(part, target);
    }

    private sealed class IncompleteDownloadException(string message, Exception? inner = null) : Exception(message, inner);
}
