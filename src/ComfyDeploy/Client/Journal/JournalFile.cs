using System.Text;

namespace ComfyDeploy.Client;

/// <summary>
/// A file of lines that is only appended to, by one process at a time. A line is in the file, or it is not: what a crash or a full disk
/// leaves of one is cut off.
/// </summary>
internal sealed class JournalFile : IDisposable
{
    private const int BufferSize = 1 << 20;
    private const byte NewLine = (byte)'\n';

    private readonly FileStream _file;
    private readonly FileStream? _lock;
    private readonly object _gate = new();
    private TaskCompletionSource<bool>? _nextFlush;
    private bool _isFlushing;
    private bool _isTorn;

    private JournalFile(FileStream file, FileStream? @lock) => (_file, _lock) = (file, @lock);

    /// <summary>The length of all whole lines.</summary>
    internal long Length { get; private set; }

    /// <summary>How often the file was flushed to the disk.</summary>
    internal int Flushes { get; private set; }

    /// <summary>Opens the file to append to it, and creates it when it does not exist.</summary>
    /// <exception cref="ComfyDeployException">ManifestInUse, ManifestUnwritable.</exception>
    internal static JournalFile OpenToAppend(string path)
    {
        FileStream? @lock = null;
        try
        {
            @lock = Lock(path);
            // Others may read it meanwhile.
            return new(new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 1), @lock);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            @lock?.Dispose();
            throw Errors.ManifestUnwritable(path, e);
        }
    }

    /// <exception cref="ComfyDeployException">FileNotFound, or ManifestUnwritable: it cannot be opened.</exception>
    internal static JournalFile OpenToRead(string path)
    {
        try
        {
            return new(new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1), @lock: null);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Errors.FileNotFound(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errors.FileUnreadable(path, e);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _file.Dispose();
            _lock?.Dispose();
        }
    }

    /// <summary>Reads all whole lines. What follows the last one is cut off before the next line is written.</summary>
    /// <param name="take">Receives a line without its end, and where it begins.</param>
    internal void ReadLines(JournalLine take)
    {
        byte[] buffer = new byte[BufferSize];
        int begin = 0;
        int end = 0;
        _file.Position = 0;
        while (true)
        {
            int found = Array.IndexOf(buffer, NewLine, begin, end - begin);
            if (found >= 0)
            {
                take(buffer.AsSpan(begin, found - begin), Length);
                Length += found + 1 - begin;
                begin = found + 1;
                continue;
            }
            if (begin > 0) Buffer.BlockCopy(buffer, begin, buffer, 0, end - begin);
            (begin, end) = (0, end - begin);
            if (end == buffer.Length) Array.Resize(ref buffer, 2 * buffer.Length);
            int read = _file.Read(buffer, end, buffer.Length - end);
            if (read == 0) break;
            end += read;
        }
        _isTorn = end > 0;
    }

    /// <summary>Cuts off the end, from here.</summary>
    internal void CutOff(long length) => (Length, _isTorn) = (length, true);

    /// <summary>Appends a line and hands it to the system.</summary>
    /// <returns>Where it begins.</returns>
    /// <exception cref="IOException">The disk is full, or the like.</exception>
    internal long Append(string line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line + "\n");
        lock (_gate)
        {
            if (_isTorn) _file.SetLength(Length);
            // Until it is written.
            _isTorn = true;
            _file.Position = Length;
            _file.Write(bytes, 0, bytes.Length);
            _file.Flush();
            _isTorn = false;
            long offset = Length;
            Length += bytes.Length;
            return offset;
        }
    }

    /// <summary>Completes when all that was appended by now is on the disk. Calls that come together share one flush.</summary>
    internal Task FlushToDiskAsync()
    {
        lock (_gate)
        {
            _nextFlush ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            Task flushed = _nextFlush.Task;
            if (!_isFlushing)
            {
                _isFlushing = true;
                _ = Task.Run(FlushAll);
            }
            return flushed;
        }
    }

    /// <summary>The line that begins here.</summary>
    internal byte[] ReadLine(long offset)
    {
        using MemoryStream line = new();
        byte[] buffer = new byte[4096];
        lock (_gate)
        {
            _file.Position = offset;
            while (_file.Read(buffer, 0, buffer.Length) is > 0 and int read)
            {
                int end = Array.IndexOf(buffer, NewLine, 0, read);
                line.Write(buffer, 0, end < 0 ? read : end);
                if (end >= 0) break;
            }
        }
        return line.ToArray();
    }

    private void FlushAll()
    {
        while (true)
        {
            TaskCompletionSource<bool> flush;
            lock (_gate)
            {
                if (_nextFlush is null)
                {
                    _isFlushing = false;
                    return;
                }
                (flush, _nextFlush) = (_nextFlush, null);
                try
                {
                    _file.Flush(flushToDisk: true);
                    Flushes++;
                    flush.SetResult(true);
                }
                catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
                {
                    flush.SetException(e);
                }
            }
        }
    }

    /// <summary>The lock is a file of its own, so that the journal can be read meanwhile. The system gives it back, also after a crash.</summary>
    private static FileStream Lock(string path)
    {
        string name = $"{path}.lock";
        try
        {
            return new(name, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException) && File.Exists(name))
        {
            throw Errors.ManifestInUse(path, e);
        }
    }
}

/// <param name="line">A line without its end.</param>
/// <param name="offset">Where it begins.</param>
internal delegate void JournalLine(ReadOnlySpan<byte> line, long offset);
