namespace ComfyDeploy.Tests.Client;

/// <summary>A body whose reading fails, with an exception of this type.</summary>
internal sealed class BrokenStream(string failure) : MemoryStream
{
    public override bool CanSeek => false;

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => throw failure switch
    {
        nameof(InvalidDataException) => new InvalidDataException("corrupt"),
        nameof(InvalidOperationException) => new InvalidOperationException("corrupt"),
        nameof(NotSupportedException) => new NotSupportedException("closed"),
        nameof(ObjectDisposedException) => new ObjectDisposedException("stream"),
        nameof(OverflowException) => new OverflowException("too much"),
        nameof(OperationCanceledException) => new OperationCanceledException("by whom?"),
        nameof(FormatException) => new FormatException("corrupt"),
        _ => new IOException("reset"),
    };
}
