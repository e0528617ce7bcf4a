using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ComfyDeploy.Tests.Engine;

/// <summary>A storage host on plain sockets, which counts its connections and records the requests. Its files can be delayed or slow.</summary>
internal sealed class FileStorage : IDisposable
{
    private const int PiecesPerSecond = 20;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly byte[] _file;
    private readonly int _piece;
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly ConcurrentBag<TcpClient> _connections = [];
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _connected;
    private int _most;

    internal FileStorage(int fileLength, bool held = false, int bytesPerSecond = int.MaxValue)
    {
        _piece = Math.Max(1, bytesPerSecond / PiecesPerSecond);
        _file = new byte[fileLength];
        new Random(1).NextBytes(_file);
        if (!held) Release();
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>The head of each request, as received.</summary>
    internal IReadOnlyList<string> Requests => [.. _requests];

    /// <summary>The maximum number of parallel connections.</summary>
    internal int MaxConnections => Volatile.Read(ref _most);

    internal byte[] File => _file;

    public void Dispose()
    {
        _listener.Stop();
        foreach (TcpClient connection in _connections) connection.Dispose();
    }

    internal Uri Link(string path) => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/{path}");

    /// <summary>Sends the files that were held back.</summary>
    internal void Release() => _released.TrySetResult();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient connection)
    {
        _connections.Add(connection);
        int now = Interlocked.Increment(ref _connected);
        for (int most = _most; now > most; most = _most) Interlocked.CompareExchange(ref _most, now, most);
        try
        {
            NetworkStream stream = connection.GetStream();
            using StreamReader reader = new(stream, Encoding.ASCII);
            while (await ReadHeadAsync(reader) is { } head)
            {
                _requests.Enqueue(head);
                await _released.Task;
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\ncontent-length: {_file.Length}\r\n\r\n"));
                for (int at = 0; at < _file.Length; at += _piece)
                {
                    await stream.WriteAsync(_file.AsMemory(at, Math.Min(_piece, _file.Length - at)));
                    if (_piece < _file.Length) await Task.Delay(1000 / PiecesPerSecond);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The client disconnected.
        }
        finally
        {
            Interlocked.Decrement(ref _connected);
            connection.Dispose();
        }
    }

    private static async Task<string?> ReadHeadAsync(StreamReader reader)
    {
        StringBuilder head = new();
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.Length == 0) return head.ToString();
            head.AppendLine(line);
        }
        return null;
    }
}
