using System.Diagnostics;
using System.Net;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Fetches files from storage: to <c>name.part</c> first, which becomes <c>name</c> only when it is whole. Knows no key.</summary>
/// <param name="storage">From <see cref="CreateClient"/>.</param>
/// <param name="clock">Time.</param>
/// <param name="idleTimeout">How long no byte may come.</param>
/// <param name="log">Hears of requests and retries.</param>
internal sealed class Downloader(HttpClient storage, IClock clock, TimeSpan idleTimeout, ICallLog log)
{
    internal const string PartSuffix = ".part";
    private const int BufferSize = 80 * 1024;

    /// <summary>No key is ever set on it, so that a redirect of the storage host carries none.</summary>
    /// <param name="connections">Most to one host: without a limit of its own HttpClient opens one in advance.</param>
    internal static HttpClient CreateClient(int connections) =>
        new(new HttpClientHandler { UseCookies = false, MaxConnectionsPerServer = connections }) { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>Downloads one file; tries again after passing troubles, and once with a fresh link when the link is refused.</summary>
    /// <param name="link">Where the file is.</param>
    /// <param name="target">Its whole path, in an existing folder.</param>
    /// <param name="what">The file's name in messages.</param>
    /// <param name="freshLink">Asks the service for a new link.</param>
    /// <param name="overwrite">Whether a file of that name gives way.</param>
    /// <param name="noRetry">From then on a failure is final.</param>
    /// <param name="stop">Ends the download and takes the part away.</param>
    /// <exception cref="ComfyDeployException">DownloadFailed.</exception>
    internal async Task SaveAsync(Uri link, string target, string what, Func<CancellationToken, Task<Uri?>> freshLink, bool overwrite, CancellationToken noRetry, CancellationToken stop)
    {
        bool isFresh = false;
        for (int retry = 1; ; retry++)
        {
            (ComfyDeployException? error, bool isTransient) = await TryAsync(link, target, what, overwrite, stop).ConfigureAwait(false);
            if (error is null) break;
            if (error.StatusCode is 401 or 403 && !isFresh)
            {
                // A signed link dies after an hour; each reading of the run makes a new one.
                isFresh = true;
                link = await freshLink(stop).ConfigureAwait(false) ?? throw error;
                log.Verbose($"{what}: the link had expired, and the run was read again for a new one.");
                continue;
            }
            if (!isTransient || retry > Retry.MaxRetries || noRetry.IsCancellationRequested) throw error;
            TimeSpan pause = Retry.PauseBefore(retry, error.RetryAfter);
            log.Warning($"{error.Message} Trying again in {pause.TotalSeconds:0.0} s ({Retry.Left(retry)}).");
            using CancellationTokenSource wait = CancellationTokenSource.CreateLinkedTokenSource(stop, noRetry);
            try
            {
                await clock.DelayAsync(pause, wait.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                throw error;
            }
        }
    }

    private async Task<(ComfyDeployException? Error, bool IsTransient)> TryAsync(Uri link, string target, string what, bool overwrite, CancellationToken stop)
    {
        if (link.Scheme is not ("http" or "https")) return (new(ErrorIds.DownloadFailed, $"{what}: a link that begins with {link.Scheme}: leads to no storage."), false);
        string part = target + PartSuffix;
        bool isOurs = false;
        what = $"{what}, {SafeText.Clean(Path.GetFileName(target))} from {link.Host}";
        using CancellationTokenSource idle = CancellationTokenSource.CreateLinkedTokenSource(stop);
        idle.CancelAfter(idleTimeout);
        try
        {
            using HttpResponseMessage response = await SendAsync(link, idle.Token).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                int status = (int)response.StatusCode;
                ComfyDeployException refusal = new(ErrorIds.DownloadFailed, $"{what}: HTTP {status}.") { StatusCode = status, RetryAfter = Retry.AskedFor(response.Headers.RetryAfter, clock.Now) };
                return (refusal, Retry.IsTransient(status) || status == (int)HttpStatusCode.InternalServerError);
            }
            using (FileStream file = new(part, FileMode.Create, FileAccess.Write, FileShare.None, BufferSize, useAsync: true))
            {
                isOurs = true;
                await CopyAsync(response, file, idle).ConfigureAwait(false);
            }
            Publish(part, target, overwrite);
            isOurs = false;
            return (null, false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return (new(ErrorIds.DownloadFailed, $"{what}: no byte within {idleTimeout.TotalSeconds:0.#} s."), true);
        }
        catch (HttpRequestException e)
        {
            stop.ThrowIfCancellationRequested();
            return (new(ErrorIds.DownloadFailed, $"{what}: {ConnectionFailures.Describe(e)}", e), true);
        }
        catch (IncompleteDownloadException e)
        {
            return (new(ErrorIds.DownloadFailed, $"{what}: {e.Message}", e), true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stop.ThrowIfCancellationRequested();
            return (new(ErrorIds.DownloadFailed, $"{SafeText.Clean(target)} cannot be written: {ConnectionFailures.Describe(e)}", e), false);
        }
        finally
        {
            // Of a failure no half file stays; another process's part is left to it.
            if (isOurs) File.Delete(part);
        }
    }

    /// <summary>The log gets the address without its query, which may be a signature.</summary>
    private async Task<HttpResponseMessage> SendAsync(Uri link, CancellationToken stop)
    {
        string request = $"GET {link.Scheme}://{link.Authority}{link.AbsolutePath}";
        Stopwatch watch = Stopwatch.StartNew();
        try
        {
            HttpResponseMessage response = await storage.GetAsync(link, HttpCompletionOption.ResponseHeadersRead, stop).ConfigureAwait(false);
            log.Debug($"{request} -> {(int)response.StatusCode} in {watch.ElapsedMilliseconds} ms");
            return response;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            log.Debug($"{request} -> {ConnectionFailures.Describe(e)} after {watch.ElapsedMilliseconds} ms");
            throw;
        }
    }

    private async Task CopyAsync(HttpResponseMessage response, FileStream file, CancellationTokenSource idle)
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
            idle.CancelAfter(idleTimeout);
            await file.WriteAsync(buffer, 0, read, idle.Token).ConfigureAwait(false);
            written += read;
        }
        if (expected is not null && written != expected) throw new IncompleteDownloadException($"{written} of {expected} bytes came.");
    }

    /// <summary>Tells trouble of the network, which may pass, from trouble of the disk, which does not.</summary>
    private static async Task<int> ReadAsync(Stream source, byte[] buffer, CancellationToken stop)
    {
        try
        {
            return await source.ReadAsync(buffer, 0, buffer.Length, stop).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            stop.ThrowIfCancellationRequested();
            throw new IncompleteDownloadException(ConnectionFailures.Describe(e), e);
        }
    }

    private static void Publish(string part, string target, bool overwrite)
    {
        // What appeared meanwhile is somebody else's, unless it was to be overwritten.
        if (overwrite && File.Exists(target)) File.Replace(part, target, null);
        else File.Move(part, target);
    }

    private sealed class IncompleteDownloadException(string message, Exception? inner = null) : Exception(message, inner);
}
