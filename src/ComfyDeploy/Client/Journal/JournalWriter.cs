using System.Text;

namespace ComfyDeploy.Client;

/// <summary>Appends whole lines. Intents that are written while the disk is busy share one flush.</summary>
internal sealed class JournalWriter(IJournalFile file, string path, long end) : IDisposable
{
    private readonly object _gate = new();
    private readonly object _flushGate = new();
    private byte[] _unwritten = [];
    private long _end = end;
    private bool _isTorn;
    private bool _isClosed;
    private bool _isFlushing;
    private TaskCompletionSource<Exception?>? _next;

    /// <summary>Writes a line; when that fails, it is tried again before the next line.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="placed">Receives where it is, or will be.</param>
    /// <returns>Why it is not in the file yet.</returns>
    internal Exception? Write(string line, Action<long> placed)
    {
        lock (_gate)
        {
            placed(Append(line));
            return TryWrite();
        }
    }

    /// <summary>Writes a line and returns once it is on the disk.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="written">Receives where it is, as soon as it is in the file.</param>
    /// <param name="cancellationToken">Ends the wait, not the write.</param>
    /// <exception cref="ComfyDeployException">ManifestUnwritable.</exception>
    internal async Task WriteThroughAsync(string line, Action<long> written, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Task<Exception?> flushed;
        lock (_gate)
        {
            int kept = _unwritten.Length;
            long at = Append(line);
            if (TryWrite() is { } error)
            {
                // Nothing will be sent, so that the line is not true.
                Array.Resize(ref _unwritten, kept);
                throw Errors.ManifestUnwritable(path, error);
            }
            written(at);
            flushed = NextFlush();
        }
        TaskCompletionSource<bool> canceled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using (cancellationToken.Register(() => canceled.TrySetResult(true)))
        {
            await Task.WhenAny(flushed, canceled.Task).ConfigureAwait(false);
        }
        if (!flushed.IsCompleted) cancellationToken.ThrowIfCancellationRequested();
        if (await flushed.ConfigureAwait(false) is { } failure) throw Errors.ManifestUnwritable(path, failure);
    }

    /// <summary>The text from there, when it is not in the file yet.</summary>
    internal byte[]? Unwritten(long at)
    {
        lock (_gate) return at >= _end ? [.. _unwritten.Skip((int)(at - _end))] : null;
    }

    public void Dispose()
    {
        lock (_flushGate)
        {
            lock (_gate)
            {
                if (_isClosed) return;
                TryWrite();
                _isClosed = true;
                file.Dispose();
            }
        }
    }

    private long Append(string line)
    {
        long at = _end + _unwritten.Length;
        _unwritten = [.. _unwritten, .. Encoding.UTF8.GetBytes(line + "\n")];
        return at;
    }

    private Exception? TryWrite()
    {
        if (_unwritten.Length == 0) return null;
        if (_isClosed) return new ObjectDisposedException(path);
        try
        {
            if (_isTorn) file.Cut(_end);
            _isTorn = true;
            file.Append(_unwritten);
            _isTorn = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e;
        }
        _end += _unwritten.Length;
        _unwritten = [];
        return null;
    }

    private Task<Exception?> NextFlush()
    {
        _next ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_isFlushing)
        {
            _isFlushing = true;
            _ = Task.Run(FlushAll);
        }
        return _next.Task;
    }

    private void FlushAll()
    {
        while (true)
        {
            TaskCompletionSource<Exception?> round;
            lock (_gate)
            {
                if (_next is null)
                {
                    _isFlushing = false;
                    return;
                }
                (round, _next) = (_next, null);
            }
            round.SetResult(TryFlush());
        }
    }

    private Exception? TryFlush()
    {
        try
        {
            lock (_flushGate)
            {
                if (_isClosed) return new ObjectDisposedException(path);
                file.Flush();
            }
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e;
        }
    }
}

/// <summary>The file, which tests can replace.</summary>
internal interface IJournalFile : IDisposable
{
    void Append(byte[] bytes);

    /// <summary>Down to the disk.</summary>
    void Flush();

    /// <summary>Removes what follows.</summary>
    void Cut(long length);
}

/// <summary>Unbuffered, so that a flush and a write do not touch the same state.</summary>
internal sealed class JournalFile(FileStream stream) : IJournalFile
{
    public void Append(byte[] bytes) => stream.Write(bytes, 0, bytes.Length);

    public void Flush() => stream.Flush(flushToDisk: true);

    public void Cut(long length)
    {
        stream.SetLength(length);
        stream.Seek(length, SeekOrigin.Begin);
    }

    public void Dispose() => stream.Dispose();
}
