namespace ComfyDeploy.Client;

/// <summary>Reads the lines of a manifest.</summary>
internal static class ManifestScan
{
    private const int BufferSize = 64 * 1024;

    /// <returns>Where the last whole line ends; what follows was cut off by a crash.</returns>
    internal static long Read(Stream file, string path, ComfyConnection connection, ManifestState state)
    {
        byte[] buffer = new byte[BufferSize];
        int filled = 0, number = 0;
        long start = 0;
        (int Number, long At)? damaged = null;
        while (file.Read(buffer, filled, buffer.Length - filled) is > 0 and int read)
        {
            int line = 0, from = filled;
            filled += read;
            while (Array.IndexOf(buffer, (byte)'\n', from, filled - from) is >= 0 and int end)
            {
                if (damaged is { } before) throw Errors.ManifestInvalid(path, before.Number);
                ReadOnlySpan<byte> text = new(buffer, line, end - line);
                if (++number == 1) ManifestHeader.Check(text, path, connection);
                else if (!state.TryApply(text, start + line)) damaged = (number, start + line);
                line = from = end + 1;
            }
            Buffer.BlockCopy(buffer, line, buffer, 0, filled - line);
            start += line;
            filled -= line;
            if (filled == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
        }
        if (damaged is { } last) return filled == 0 ? last.At : throw Errors.ManifestInvalid(path, last.Number);
        // Any other file without a line end is not ours to cut.
        if (number == 0 && !ManifestHeader.IsBeginning(new(buffer, 0, filled))) throw Errors.ManifestInvalid(path, 1);
        return start;
    }
}
