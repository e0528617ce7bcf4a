namespace ComfyDeploy;

/// <summary>The result of testing a connection.</summary>
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

    /// <summary>Milliseconds from the request to the response or the failure.</summary>
    public int LatencyMs { get; }

    /// <summary>A description of the result.</summary>
    public string Message { get; }
}
