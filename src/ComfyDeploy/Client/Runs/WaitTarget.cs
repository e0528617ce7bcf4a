namespace ComfyDeploy.Client;

/// <summary>A run to wait for.</summary>
/// <param name="RunId">Its id.</param>
/// <param name="Client">The account it is in.</param>
/// <param name="Known">The snapshot the caller has.</param>
/// <param name="Origin">What only the caller knows.</param>
internal sealed record WaitTarget(string RunId, ComfyDeployClient Client, ComfyRun? Known, RunOrigin? Origin);

internal enum WaitEnd
{
    Finished,
    TimedOut,
    NotFound,
    PollFailed,
}

/// <summary>How the wait for one run ended.</summary>
/// <param name="Target">The run waited for.</param>
/// <param name="Run">Its last snapshot; null where none was ever read.</param>
/// <param name="End">How the wait ended.</param>
/// <param name="Error">The last failure.</param>
internal sealed record WaitOutcome(WaitTarget Target, ComfyRun? Run, WaitEnd End, ComfyDeployException? Error = null);
