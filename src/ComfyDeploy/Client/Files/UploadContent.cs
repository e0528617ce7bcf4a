using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace ComfyDeploy.Client;

/// <summary>A form with one file, which is streamed from the disk. It can be sent once.</summary>
internal sealed class UploadContent : HttpContent
{
    private readonly LocalFile _file;
    private readonly byte[] _head;
    private readonly byte[] _tail;
    private readonly Action<long> _progress;
    private Action _onSent = () => { };
    private CancellationToken _stop;

    /// <param name="file">The file.</param>
    /// <param name="progress">Receives how many of its bytes are sent.</param>
    internal UploadContent(LocalFile file, Action<long> progress)
    {
        (_file, _progress) = (file, progress);
        string boundary = $"----ComfyDeploy{Guid.NewGuid():N}";
        // As browsers send it: the name as UTF-8, without the escapes of other headers, which the service would store as they are.
        string name = Path.GetFileName(file.Path).Replace("\"", "%22").Replace("\r", "%0D").Replace("\n", "%0A");
        _head = Encoding.UTF8.GetBytes($"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n"
            + "Content-Type: application/octet-stream\r\n\r\n");
        _tail = Encoding.UTF8.GetBytes($"\r\n--{boundary}--\r\n");
        Headers.ContentType = MediaTypeHeaderValue.Parse($"multipart/form-data; boundary={boundary}");
    }

    /// <summary>Why the file could not be read, where that ended the request.</summary>
    internal ComfyDeployException? Failure { get; private set; }

    /// <param name="onSent">Called after each part that is sent.</param>
    /// <param name="stop">Ends the reading of the file.</param>
    internal void Watch(Action onSent, CancellationToken stop) => (_onSent, _stop) = (onSent, stop);

    protected override bool TryComputeLength(out long length)
    {
        length = _head.Length + _file.Length + _tail.Length;
        return true;
    }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext context)
    {
        long sent = 0;
        async Task SendAsync(byte[] bytes, int count)
        {
            await stream.WriteAsync(bytes, 0, count, _stop).ConfigureAwait(false);
            _onSent();
            _progress(sent += count);
        }

        await stream.WriteAsync(_head, 0, _head.Length, _stop).ConfigureAwait(false);
        try
        {
            await _file.ReadAgainAsync(SendAsync, _stop).ConfigureAwait(false);
        }
        catch (ComfyDeployException e)
        {
            // The form stays without its end, so that the service does not store the file.
            Failure = e;
            throw;
        }
        await stream.WriteAsync(_tail, 0, _tail.Length, _stop).ConfigureAwait(false);
    }
}
