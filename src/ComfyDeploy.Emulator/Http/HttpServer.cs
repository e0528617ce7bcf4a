using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ComfyDeploy.Emulator.Http;

/// <summary>
/// HTTP/1.1 on loopback over plain sockets, because the framework's listener can neither reset a connection nor stop in the middle of a
/// response. Independent of the service: it maps a request to a response.
/// </summary>
internal sealed class HttpServer : IDisposable
{
    private static readonly TimeSpan EventPause = TimeSpan.FromMilliseconds(50);

    private readonly Func<HttpRequest, HttpResponse> _handle;
    private readonly Func<DateTime> _now;
    private readonly List<TcpListener> _listeners = [];
    private readonly HashSet<TcpClient> _connections = [];
    private readonly CancellationTokenSource _stop = new();

    public HttpServer(int port, Func<HttpRequest, HttpResponse> handle, Func<DateTime> now)
    {
        _handle = handle;
        _now = now;
        TcpListener listener = new(IPAddress.Loopback, port);
        listener.Start();
        _listeners.Add(listener);
        Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        ListenOnVersion6();
        foreach (TcpListener each in _listeners) _ = AcceptAsync(each);
    }

    public int Port { get; }

    public void Dispose()
    {
        lock (_connections)
        {
            if (_stop.IsCancellationRequested) return;
            _stop.Cancel();
            foreach (TcpListener listener in _listeners) listener.Stop();
            foreach (TcpClient connection in _connections) connection.Close();
        }
    }

    // "localhost" is ::1 first on many machines, and Windows waits two seconds before it tries 127.0.0.1. Where ::1 is missing or the
    // port is in use there, only 127.0.0.1 serves.
    private void ListenOnVersion6()
    {
        if (!Socket.OSSupportsIPv6) return;
        TcpListener listener = new(IPAddress.IPv6Loopback, Port);
        try
        {
            listener.Start();
            _listeners.Add(listener);
        }
        catch (SocketException)
        {
            listener.Stop();
        }
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        while (true)
        {
            TcpClient connection;
            try
            {
                connection = await listener.AcceptTcpClientAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                if (_stop.IsCancellationRequested) return;
                continue;
            }

            lock (_connections)
            {
                if (_stop.IsCancellationRequested) connection.Close();
                else _connections.Add(connection);
            }

            _ = Task.Run(() => ServeAsync(connection));
        }
    }

    private async Task ServeAsync(TcpClient connection)
    {
        try
        {
            connection.NoDelay = true;
            NetworkStream stream = connection.GetStream();
            RequestReader reader = new(stream);
            while (await reader.ReadAsync(_stop.Token).ConfigureAwait(false) is HttpRequest request)
            {
                HttpResponse response = _handle(request);
                if (response.Latency > TimeSpan.Zero) await Task.Delay(response.Latency, _stop.Token).ConfigureAwait(false);
                if (!await DeliverAsync(connection, stream, request, response).ConfigureAwait(false)) return;
                if (string.Equals(request.Header("connection"), "close", StringComparison.OrdinalIgnoreCase)) return;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException or FormatException)
        {
            // The client disconnected, the server was stopped, or the data is not HTTP: closing the connection is the response.
        }
        finally
        {
            connection.Close();
            lock (_connections) _connections.Remove(connection);
        }
    }

    /// <summary>Sends one response; false when the connection ends with it.</summary>
    private async Task<bool> DeliverAsync(TcpClient connection, NetworkStream stream, HttpRequest request, HttpResponse response)
    {
        switch (response.Delivery)
        {
            case Delivery.Reset:
                connection.LingerState = new LingerOption(true, 0);
                return false;
            case Delivery.Never:
                byte[] ignored = new byte[256];
                while (await stream.ReadAsync(ignored, 0, ignored.Length, _stop.Token).ConfigureAwait(false) > 0) { }
                return false;
        }

        if (response.Events is EventSource events) return await StreamAsync(connection, stream, response, events).ConfigureAwait(false);
        bool head = request.Method == "HEAD";
        int length = head ? 0 : response.Body.Length;
        if (response.Delivery == Delivery.Cut) length /= 2;
        byte[] headers = Headers(response);
        if (response.BytesPerSecond == 0 && length <= 16384)
        {
            // One packet for a small response: the second of two would wait for the acknowledgment of the first.
            byte[] packet = new byte[headers.Length + length];
            headers.CopyTo(packet, 0);
            Array.Copy(response.Body, 0, packet, headers.Length, length);
            await stream.WriteAsync(packet, 0, packet.Length, _stop.Token).ConfigureAwait(false);
        }
        else
        {
            await stream.WriteAsync(headers, 0, headers.Length, _stop.Token).ConfigureAwait(false);
            await WriteBodyAsync(stream, response, length).ConfigureAwait(false);
        }

        if (response.Delivery == Delivery.Complete && response.LengthError == 0) return true;
        connection.Client.Shutdown(SocketShutdown.Send);
        return false;
    }

    /// <summary>Sends events in chunks until they end or the client leaves; a cut stream ends after the first chunk.</summary>
    private async Task<bool> StreamAsync(TcpClient connection, NetworkStream stream, HttpResponse response, EventSource events)
    {
        byte[] headers = Headers(response);
        await stream.WriteAsync(headers, 0, headers.Length, _stop.Token).ConfigureAwait(false);
        while (events.Read() is string text)
        {
            // The length of an empty chunk would end the stream.
            if (text.Length > 0)
            {
                await WriteChunkAsync(stream, text).ConfigureAwait(false);
                if (response.Delivery == Delivery.Cut) return false;
            }

            await Task.Delay(EventPause, _stop.Token).ConfigureAwait(false);
            if (connection.Client.Poll(0, SelectMode.SelectRead) && connection.Client.Available == 0) return false;
        }

        await WriteChunkAsync(stream, "").ConfigureAwait(false);
        return true;
    }

    private async Task WriteChunkAsync(NetworkStream stream, string text)
    {
        byte[] data = Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n");
        await stream.WriteAsync(data, 0, data.Length, _stop.Token).ConfigureAwait(false);
    }

    private async Task WriteBodyAsync(NetworkStream stream, HttpResponse response, int length)
    {
        const int PiecesPerSecond = 20;
        int piece = response.BytesPerSecond == 0 ? 65536 : Math.Max(1, response.BytesPerSecond / PiecesPerSecond);
        TimeSpan pause = response.BytesPerSecond == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((double)piece / response.BytesPerSecond);
        for (int at = 0; at < length; at += piece)
        {
            if (pause > TimeSpan.Zero) await Task.Delay(pause, _stop.Token).ConfigureAwait(false);
            await stream.WriteAsync(response.Body, at, Math.Min(piece, length - at), _stop.Token).ConfigureAwait(false);
        }
    }

    private byte[] Headers(HttpResponse response)
    {
        StringBuilder text = new();
        text.Append("HTTP/1.1 ").Append(response.Status).Append(' ').Append(Reason(response.Status)).Append("\r\n");
        text.Append("date: ").Append(_now().ToString("R", CultureInfo.InvariantCulture)).Append("\r\n");
        if (response.Events is not null) text.Append("transfer-encoding: chunked\r\n");
        else text.Append("content-length: ").Append(response.Body.Length + response.LengthError).Append("\r\n");
        foreach (KeyValuePair<string, string> header in response.Headers)
        {
            text.Append(header.Key).Append(": ").Append(header.Value).Append("\r\n");
        }

        return Encoding.ASCII.GetBytes(text.Append("\r\n").ToString());
    }

    private static string Reason(int status) => status switch
    {
        200 => "OK",
        307 => "Temporary Redirect",
        429 => "Too Many Requests",
        422 => "Unprocessable Entity",
        _ => ((HttpStatusCode)status).ToString(),
    };
}
