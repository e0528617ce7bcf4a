namespace ComfyDeploy.Client;

/// <summary>Passes on everything except changes, which another part of the same command reports.</summary>
internal sealed class QuietLog(ICallLog log) : ICallLog
{
    public void Warning(string message) => log.Warning(message);

    public void Verbose(string message) { }

    public void Debug(string message) => log.Debug(message);
}
