namespace ComfyDeploy;

/// <summary>What one try of a connection found.</summary>
public sealed class ComfyConnectionTest
{
    internal ComfyConnectionTest(string result, int latencyMs, string message)
    {
        Result = result;
        LatencyMs = latencyMs;
        Message = message;
    }

    /// <summary><c>Ok BadKey Forbidden Unreachable WrongBaseUri Proxy</c>.</summary>
    public string Result { get; }

    /// <summary>Milliseconds from asking to the answer or the failure.</summary>
    public int LatencyMs { get; }

    /// <summary>What was found, in words.</summary>
    public string Message { get; }
}
