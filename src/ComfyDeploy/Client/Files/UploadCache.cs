namespace ComfyDeploy.Client;

/// <summary>
/// The files of one account that this process has uploaded, by content, so that each is uploaded once, also when several callers want it
/// at the same time. An upload that failed or was canceled is not kept.
/// </summary>
internal sealed class UploadCache
{
    // A run may wait that long before its machine fetches the file.
    private static readonly TimeSpan LeastLifetime = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, SharedUpload> _uploads = [];

    /// <summary>How many callers wait for an upload.</summary>
    internal int Waiting
    {
        get
        {
            lock (_uploads) return _uploads.Values.Sum(upload => upload.Waiting);
        }
    }

    /// <summary>The uploaded file of this content.</summary>
    /// <param name="key">What the content is known by.</param>
    /// <param name="now">UTC by the service's clock.</param>
    /// <param name="upload">Uploads it, if nobody has; receives where to report progress.</param>
    /// <param name="progress">Receives the number of bytes sent, also by another caller.</param>
    /// <param name="cancellationToken">Ends the wait; it ends the upload only when nobody else waits for it.</param>
    internal async Task<UploadedFile> GetAsync(
        string key, DateTime now, Func<Action<long>, CancellationToken, Task<UploadedFile>> upload, Action<long>? progress,
        CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            SharedUpload shared = Join(key, now, upload, progress, out bool isOwn);
            try
            {
                return await shared.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (ComfyDeployException e) when (!isOwn && ConcernsItsCaller(e))
            {
                // Another caller's file or connection was at fault: the same content is still here.
            }
            finally
            {
                Leave(key, shared, progress);
            }
        }
    }

    private static bool ConcernsItsCaller(ComfyDeployException error) =>
        error is { StatusCode: null, ErrorId: ErrorIds.FileNotFound or ErrorIds.InvalidInput or ErrorIds.NotConnected };

    private SharedUpload Join(
        string key, DateTime now, Func<Action<long>, CancellationToken, Task<UploadedFile>> upload, Action<long>? progress,
        out bool isOwn)
    {
        lock (_uploads)
        {
            isOwn = !_uploads.TryGetValue(key, out SharedUpload? shared) || !shared.IsUsable(now + LeastLifetime);
            if (isOwn) _uploads[key] = shared = new();
            shared!.Join(progress);
            if (isOwn) shared.Start(upload);
            return shared;
        }
    }

    private void Leave(string key, SharedUpload shared, Action<long>? progress)
    {
        lock (_uploads)
        {
            if (shared.Leave(progress) && _uploads.TryGetValue(key, out SharedUpload? current) && current == shared) _uploads.Remove(key);
        }
    }

    /// <summary>One upload and the callers that wait for it. Only the wait runs outside the lock of the cache.</summary>
    private sealed class SharedUpload
    {
        private readonly CancellationTokenSource _abandoned = new();
        private Task<UploadedFile> _task = null!;
        private Action<long>? _progress;

        internal int Waiting { get; private set; }

        /// <summary>Whether it is under way, or its link still works at that time.</summary>
        internal bool IsUsable(DateTime until) => !_task.IsCompleted
            || (_task.Status == TaskStatus.RanToCompletion && !(_task.GetAwaiter().GetResult().ExpiresAt?.ToUniversalTime() < until));

        internal void Join(Action<long>? progress)
        {
            Waiting++;
            _progress += progress;
        }

        internal void Start(Func<Action<long>, CancellationToken, Task<UploadedFile>> upload) =>
            _task = Task.Run(() => upload(sent => _progress?.Invoke(sent), _abandoned.Token), CancellationToken.None);

        internal async Task<UploadedFile> WaitAsync(CancellationToken cancellationToken)
        {
            TaskCompletionSource<bool> canceled = new(TaskCreationOptions.RunContinuationsAsynchronously);
            using (cancellationToken.Register(() => canceled.TrySetResult(true)))
            {
                await Task.WhenAny(_task, canceled.Task).ConfigureAwait(false);
            }
            if (!_task.IsCompleted) cancellationToken.ThrowIfCancellationRequested();
            return await _task.ConfigureAwait(false);
        }

        /// <summary>Cancels the upload when nobody waits for it any more.</summary>
        /// <returns>Whether there is nothing to keep.</returns>
        internal bool Leave(Action<long>? progress)
        {
            _progress -= progress;
            if (--Waiting == 0 && !_task.IsCompleted)
            {
                _abandoned.Cancel();
                return true;
            }
            return _task.IsCompleted && _task.Status != TaskStatus.RanToCompletion;
        }
    }
}

/// <summary>A file as the service stored it.</summary>
/// <param name="FileId">Its ID.</param>
/// <param name="Url">Its link.</param>
/// <param name="ExpiresAt">When the link stops working, local time; null when it does not.</param>
internal sealed record UploadedFile(string? FileId, Uri Url, DateTime? ExpiresAt);
