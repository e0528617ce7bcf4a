namespace ComfyDeploy;

/// <summary>What remembers the connection it came from, so that the next cmdlet asks the right account.</summary>
internal interface IConnected
{
    ComfyConnection? Connection { get; }
}
