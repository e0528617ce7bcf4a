using System.Net;

namespace ComfyDeploy.Tests.Client;

/// <summary>A body that never ends, such as that of a small file that was packed to fill the memory of whoever unpacks it.</summary>
internal sealed class EndlessContent : HttpContent
{
    private readonly EndlessStream _stream = new();

    /// <summary>How much of it was read.</summary>
    internal long Given => _stream.Given;

    protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult<Stream>(_stream);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => throw new NotSupportedException();

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private sealed class EndlessStream : MemoryStream
    {
        internal long Given { get; private set; }

        public override bool CanSeek => false;

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            Given += count;
            return Task.FromResult(count);
        }
    }
}
