using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ComfyDeploy.Tests.Client;

/// <summary>Answers with bytes to script, over a real socket. Null instead of an answer resets the connection.</summary>
internal sealed class RawServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<RawRequest, byte[]?> _answer;
    private readonly List<RawRequest> _requests = [];
    private int _connections;

    internal RawServer(Func<RawRequest, byte[]?> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = AcceptAsync();
    }

    internal string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/api";

    internal IReadOnlyList<RawRequest> Requests
    {
        get
        {
            lock (_requests) return [.. _requests];
        }
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>An answer that keeps the connection open.</summary>
    internal static byte[] Answer(string status, string headers, byte[] body) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\n{headers}content-length: {body.Length}\r\n\r\n"), .. body];

    internal static byte[] Answer(string status, string contentType, string body) => Answer(status, $"content-type: {contentType}\r\n", Encoding.UTF8.GetBytes(body));

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(), _connections++);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The listener was closed.
        }
    }

    private async Task ServeAsync(TcpClient client, int connection)
    {
        using (client)
        {
            try
            {
                for (int number = 0; await ReadAsync(client.GetStream()) is { } method; number++)
                {
                    RawRequest request = new(connection, number, method);
                    lock (_requests) _requests.Add(request);
                    if (_answer(request) is { } bytes)
                    {
                        await client.GetStream().WriteAsync(bytes);
                        continue;
                    }
                    client.LingerState = new LingerOption(true, 0);
                    return;
                }
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                // The client went away.
            }
        }
    }

    /// <summary>Reads one request; null at the end of the connection.</summary>
    private static async Task<string?> ReadAsync(NetworkStream stream)
    {
        StringBuilder head = new();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one) == 0) return null;
            head.Append((char)one[0]);
        }
        string[] lines = head.ToString().Split("\r\n");
        string? length = Array.Find(lines, line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        if (length is not null) await stream.ReadExactlyAsync(new byte[int.Parse(length.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture)]);
        return lines[0].Split(' ')[0];
    }
}

/// <summary>A request as it arrived.</summary>
internal sealed record RawRequest(int Connection, int Number, string Method);
