using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace ComfyDeploy.Emulator.Http;

/// <summary>Reads the requests of one connection, one after the other.</summary>
internal sealed class RequestReader(NetworkStream stream)
{
    private const int MaxLineLength = 65536;
    private readonly byte[] _buffer = new byte[16384];
    private int _start;
    private int _end;

    /// <summary>The next request, or null when the client has closed the connection.</summary>
    /// <exception cref="FormatException">The data is not HTTP.</exception>
    public async Task<HttpRequest?> ReadAsync(CancellationToken cancellationToken)
    {
        string? line = await ReadLineAsync(cancellationToken).ConfigureAwait(false);
        if (line is null) return null;
        string[] parts = line.Split(' ');
        if (parts.Length != 3) throw new FormatException("Not a request line: " + line);
        Dictionary<string, string> headers = await ReadHeadersAsync(cancellationToken).ConfigureAwait(false);
        if (headers.TryGetValue("expect", out string? expect) && expect.StartsWith("100", StringComparison.Ordinal))
        {
            byte[] proceed = Encoding.ASCII.GetBytes("HTTP/1.1 100 Continue\r\n\r\n");
            await stream.WriteAsync(proceed, 0, proceed.Length, cancellationToken).ConfigureAwait(false);
        }

        int question = parts[1].IndexOf('?');
        return new HttpRequest
        {
            Method = parts[0],
            Path = question < 0 ? parts[1] : parts[1].Substring(0, question),
            Query = question < 0 ? "" : parts[1].Substring(question + 1),
            Headers = headers,
            Body = await ReadBodyAsync(headers, cancellationToken).ConfigureAwait(false),
        };
    }

    private async Task<Dictionary<string, string>> ReadHeadersAsync(CancellationToken cancellationToken)
    {
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        while (true)
        {
            string line = await ReadLineAsync(cancellationToken).ConfigureAwait(false) ?? throw new IOException("The request ended in its headers.");
            if (line.Length == 0) return headers;
            int colon = line.IndexOf(':');
            if (colon <= 0) throw new FormatException("Not a header: " + line);
            headers[line.Substring(0, colon)] = line.Substring(colon + 1).Trim();
        }
    }

    private async Task<byte[]> ReadBodyAsync(Dictionary<string, string> headers, CancellationToken cancellationToken)
    {
        if (headers.TryGetValue("transfer-encoding", out string? encoding) && encoding.Equals("chunked", StringComparison.OrdinalIgnoreCase))
        {
            return await ReadChunksAsync(cancellationToken).ConfigureAwait(false);
        }

        if (!headers.TryGetValue("content-length", out string? length)) return [];
        return await ReadExactlyAsync(int.Parse(length, NumberStyles.None, CultureInfo.InvariantCulture), cancellationToken).ConfigureAwait(false);
    }

    private async Task<byte[]> ReadChunksAsync(CancellationToken cancellationToken)
    {
        using MemoryStream body = new();
        while (true)
        {
            string line = await ReadLineAsync(cancellationToken).ConfigureAwait(false) ?? throw new IOException("The request ended in its body.");
            int size = int.Parse(line.Split(';')[0].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            if (size == 0) break;
            byte[] chunk = await ReadExactlyAsync(size, cancellationToken).ConfigureAwait(false);
            body.Write(chunk, 0, chunk.Length);
            await ReadLineAsync(cancellationToken).ConfigureAwait(false);
        }

        while (await ReadLineAsync(cancellationToken).ConfigureAwait(false) is { Length: > 0 }) { }
        return body.ToArray();
    }

    private async Task<byte[]> ReadExactlyAsync(int count, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[count];
        int read = Math.Min(count, _end - _start);
        Array.Copy(_buffer, _start, bytes, 0, read);
        _start += read;
        while (read < count)
        {
            int got = await stream.ReadAsync(bytes, read, count - read, cancellationToken).ConfigureAwait(false);
            if (got == 0) throw new IOException("The request ended in its body.");
            read += got;
        }

        return bytes;
    }

    private async Task<string?> ReadLineAsync(CancellationToken cancellationToken)
    {
        StringBuilder line = new();
        while (true)
        {
            if (_start == _end)
            {
                _start = 0;
                _end = await stream.ReadAsync(_buffer, 0, _buffer.Length, cancellationToken).ConfigureAwait(false);
                if (_end == 0) return line.Length == 0 ? null : throw new IOException("The request ended in a line.");
            }

            int newline = Array.IndexOf(_buffer, (byte)'\n', _start, _end - _start);
            int until = newline < 0 ? _end : newline;
            line.Append(Encoding.UTF8.GetString(_buffer, _start, until - _start));
            _start = newline < 0 ? _end : newline + 1;
            if (line.Length > MaxLineLength) throw new FormatException("A line of the request is too long.");
            if (newline >= 0) return line.ToString().TrimEnd('\r');
        }
    }
}
