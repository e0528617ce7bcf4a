namespace ComfyDeploy.Client;

/// <summary>Where the client reports what it does. Called from any thread; never given a key or the query of a signed link.</summary>
internal interface ICallLog
{
    /// <summary>Something the user should know although it may still succeed, such as a retry.</summary>
    void Warning(string message);

    /// <summary>A change: queued, cancelled, a new status.</summary>
    void Verbose(string message);

    /// <summary>One line per request.</summary>
    void Debug(string message);
}
