using System.Security.Cryptography;

namespace ComfyDeploy.Client;

/// <summary>A file to upload, as it was when it was first read.</summary>
/// <param name="Path">Its full path.</param>
/// <param name="Length">Its length.</param>
/// <param name="Hash">The SHA-256 of its content.</param>
internal sealed record LocalFile(string Path, long Length, string Hash)
{
    // Below the size at which an array is a large object.
    private const int BufferSize = 80 * 1024;

    /// <summary>The same for files of the same content and extension: the service's type and link depend on the extension.</summary>
    internal string Key => Hash + System.IO.Path.GetExtension(Path).ToLowerInvariant();

    /// <exception cref="ComfyDeployException">The service would refuse the file, or it cannot be read.</exception>
    internal static async Task<LocalFile> ReadAsync(string path, CancellationToken cancellationToken)
    {
        long length = UploadRules.Check(path);
        string hash = await PassAsync(path, length, (_, _) => Task.CompletedTask, cancellationToken).ConfigureAwait(false);
        return new(path, length, hash);
    }

    internal static long LengthOf(string path)
    {
        using FileStream file = Open(path);
        return file.Length;
    }

    /// <summary>Passes on the content, which must still be the same at the end.</summary>
    /// <exception cref="ComfyDeployException">FileNotFound, or InvalidInput: the file has changed or cannot be read.</exception>
    internal async Task ReadAgainAsync(Func<byte[], int, Task> use, CancellationToken cancellationToken)
    {
        string hash = await PassAsync(Path, Length, use, cancellationToken).ConfigureAwait(false);
        if (hash != Hash) throw Errors.FileChanged(Path);
    }

    /// <returns>The hash of the content.</returns>
    private static async Task<string> PassAsync(
        string path, long length, Func<byte[], int, Task> use, CancellationToken cancellationToken)
    {
        using FileStream file = Open(path);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[BufferSize];
        while (await ReadAsync(path, file, buffer, cancellationToken).ConfigureAwait(false) is > 0 and int read)
        {
            length -= read;
            if (length < 0) throw Errors.FileChanged(path);
            hash.AppendData(buffer, 0, read);
            await use(buffer, read).ConfigureAwait(false);
        }
        return length == 0 ? Convert.ToBase64String(hash.GetHashAndReset()) : throw Errors.FileChanged(path);
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1, useAsync: true);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Errors.FileNotFound(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Errors.FileUnreadable(path, e);
        }
    }

    /// <summary>Separates failures of the disk from those of the network, which may be transient.</summary>
    private static async Task<int> ReadAsync(string path, FileStream file, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await file.ReadAsync(buffer, 0, buffer.Length, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errors.FileUnreadable(path, e);
        }
    }
}
