namespace ComfyDeploy.Client;

/// <summary>Opens manifests.</summary>
internal static class ManifestFile
{
    /// <summary>The rows of a manifest, without a lock: another process may write to it. An empty file has none.</summary>
    /// <exception cref="ComfyDeployException">FileNotFound, InvalidInput, ManifestInvalid, ManifestMismatch.</exception>
    internal static ManifestState Read(string path, ComfyConnection connection, out ManifestText text)
    {
        if (Directory.Exists(path)) throw Errors.FileIsFolder(path);
        if (!File.Exists(path)) throw Errors.FileNotFound(path);
        try
        {
            ManifestState state = new();
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
            ManifestScan.Read(file, path, connection, state);
            text = new(path, _ => null);
            return state;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errors.FileUnreadable(path, e);
        }
    }

    internal static Manifest Open(string path, ComfyConnection connection, IClock clock)
    {
        FileStream? locked = null, stream = null;
        bool isOpen = false;
        try
        {
            locked = Lock(path);
            stream = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 1);
            ManifestState state = new();
            long end = ManifestScan.Read(stream, path, connection, state);
            JournalFile file = new(stream);
            if (stream.Length != end) file.Cut(end);
            JournalWriter writer = new(file, path, end);
            string header = ManifestHeader.Write(connection, clock.Now);
            if (end == 0 && writer.Write(header, _ => { }) is { } error) throw Errors.ManifestUnwritable(path, error);
            isOpen = true;
            return new(path, state, writer, clock, locked) { Header = header };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Errors.ManifestUnwritable(path, e);
        }
        finally
        {
            if (!isOpen)
            {
                stream?.Dispose();
                locked?.Dispose();
            }
        }
    }

    /// <summary>The path from the manifest's folder, with slashes, when it is below it.</summary>
    internal static string Relative(string manifest, string path)
    {
        string folder = Path.GetDirectoryName(manifest)!;
        if (!folder.EndsWith(Path.DirectorySeparatorChar.ToString(), StringComparison.Ordinal)) folder += Path.DirectorySeparatorChar;
        return path.StartsWith(folder, StringComparison.Ordinal)
            ? path.Substring(folder.Length).Replace(Path.DirectorySeparatorChar, '/') : path;
    }

    // It stays: to delete it would let two processes lock two files of one name.
    private static FileStream Lock(string path)
    {
        try
        {
            return new(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
        }
        catch (IOException e) when ((e.HResult & 0xFFFF) is 32 or 33 or 11 or 35)
        {
            // Sharing and lock violation on Windows, EAGAIN on Linux and macOS.
            throw Errors.ManifestInUse(path, e);
        }
    }
}
