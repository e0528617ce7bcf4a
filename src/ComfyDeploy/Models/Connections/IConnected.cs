namespace ComfyDeploy;

/// <summary>An object that knows its connection, so that the next cmdlet uses the same one.</summary>
internal interface IConnected
{
    ComfyConnection? Connection { get; }
}
