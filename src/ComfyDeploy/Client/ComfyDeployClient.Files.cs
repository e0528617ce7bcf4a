using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

internal sealed partial class ComfyDeployClient
{
    private const string UploadPath = "/file/upload";

    /// <summary>Uploads a file. The same content is uploaded once for all connections to the account.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="progress">Receives the number of bytes sent so far, from any thread; a retry begins again at 0.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="ComfyDeployException">
    /// FileNotFound, FileTypeNotSupported or FileTooLarge, before anything is sent; InvalidInput when the file cannot be read or changes
    /// meanwhile.
    /// </exception>
    internal async Task<ComfyFile> UploadAsync(string path, Action<long>? progress, CancellationToken cancellationToken)
    {
        // To open a file may block, such as a pipe that nobody writes to: not the thread of the caller.
        LocalFile file = await Task.Run(() => LocalFile.ReadAsync(path, cancellationToken), CancellationToken.None).ConfigureAwait(false);
        UploadedFile uploaded = await session.Account.Uploads.GetAsync(
            file.Key, session.ServiceNow, (report, stop) => UploadAsync(file, report, stop), progress, cancellationToken)
            .ConfigureAwait(false);
        progress?.Invoke(file.Length);
        return new()
        {
            FileName = Path.GetFileName(path),
            Kind = ComfyFile.KindOf(uploaded.FileId),
            Length = file.Length,
            FileId = uploaded.FileId,
            Url = uploaded.Url,
            ExpiresAt = uploaded.ExpiresAt,
            Path = path,
            Connection = Connection,
        };
    }

    /// <summary>A second copy of a file does no harm: an upload is repeated like a read.</summary>
    private async Task<UploadedFile> UploadAsync(LocalFile file, Action<long> progress, CancellationToken cancellationToken)
    {
        UploadWire answer = await RetryAsync(
            () => UploadOnceAsync(file, progress, cancellationToken),
            attempt => $"{attempt.Request} ({SafeText.Clean(Path.GetFileName(file.Path))}): {attempt.Error!.Message}",
            cancellationToken).ConfigureAwait(false);
        if (!Uri.TryCreate(answer.FileUrl, UriKind.Absolute, out Uri? link) || link.Scheme is not ("http" or "https"))
        {
            throw Errors.UploadWithoutLink(file.Path);
        }
        log.Verbose($"Uploaded {file.Path}: {answer.FileId}");
        return new(answer.FileId, link, LinkExpiry.Of(link));
    }

    private async Task<Attempt<UploadWire>> UploadOnceAsync(LocalFile file, Action<long> progress, CancellationToken cancellationToken)
    {
        UploadContent content = new(file, progress);
        HttpRequestMessage Create()
        {
            HttpRequestMessage request = Request(HttpMethod.Post, UploadPath);
            request.Content = content;
            return request;
        }

        Attempt<UploadWire> attempt = await SendOnceAsync(
            Create, Json(WireContext.Default.UploadWire), ErrorIds.NotFound, cancellationToken).ConfigureAwait(false);
        if (content.Failure is { } failure) return new(attempt.Request) { Error = failure };
        // Here a 500 says that the storage failed.
        return attempt.Status == 500 ? attempt with { CanRetry = true } : attempt;
    }
}
