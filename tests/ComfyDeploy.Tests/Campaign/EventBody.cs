using System.Text;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>The body of an event stream on a virtual clock.</summary>
/// <param name="events">What the emulator announces.</param>
/// <param name="kind">What becomes of it on the way.</param>
/// <param name="clock">Time.</param>
internal sealed class EventBody(EventSource events, DoorbellKind kind, VirtualClock clock) : Stream
{
    private const int MostReads = 8;
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(20);

    private byte[] _rest = [];
    private string _last = string.Empty;
    private int _reads;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_rest.Length == 0)
        {
            if (Next() is not { } text) return 0;
            _rest = Encoding.UTF8.GetBytes(text);
            if (_rest.Length > 0) break;
            TimeSpan pause = events.NextDue() - clock.Now ?? LongestPause;
            await clock.DelayAsync(pause < ShortestPause ? ShortestPause : pause < LongestPause ? pause : LongestPause, cancellationToken);
        }
        int length = Math.Min(buffer.Length, _rest.Length);
        _rest.AsMemory(0, length).CopyTo(buffer);
        _rest = _rest[length..];
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private string? Next()
    {
        string? text = events.Read();
        if (!string.IsNullOrEmpty(text)) _reads++;
        switch (kind)
        {
            case DoorbellKind.IsSilent when _reads > 1:
            case DoorbellKind.FallsSilent when _reads > MostReads:
                return string.Empty;
            case DoorbellKind.Ends when _reads > MostReads:
                return null;
            case DoorbellKind.Lies when text is not null:
                return text.Replace("\"queued\"", "\"success\"", StringComparison.Ordinal).Replace("\"running\"", "\"failed\"", StringComparison.Ordinal);
            case DoorbellKind.Floods:
                if (!string.IsNullOrEmpty(text)) _last = text;
                return _last;
            default:
                return text;
        }
    }
}
