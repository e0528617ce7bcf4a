namespace ComfyDeploy;

/// <summary>The result of testing a connection.</summary>
public sealed class ComfyConnectionTest
{
    internal ComfyConnectionTest(string connectionName, string result, int latencyMs, string message)
    {
        ConnectionName = connectionName;
        Result = result;
        LatencyMs = latencyMs;
        Message = message;
    }

    /// <summary>Name of the connection that was tested.</summary>
    public string ConnectionName { get; }

    /// <summary><c>Ok BadKey Forbidden Unreachable WrongBaseUri Proxy</c>.</summary>
    public string Result { get; }

    /// <summary>Milliseconds from the request to the response or the failure.</summary>
    public int LatencyMs { get; }

    /// <summary>A description of the result.</summary>
    public string Message { get; }
}
