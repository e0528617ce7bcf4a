namespace ComfyDeploy.Client;

/// <summary>A run to wait for.</summary>
/// <param name="RunId">Its id.</param>
/// <param name="Client">The account it is in.</param>
/// <param name="Known">The snapshot the caller has, until the run is read.</param>
/// <param name="Origin">What only the caller knows.</param>
internal sealed record WaitTarget(string RunId, ComfyDeployClient Client, ComfyRun? Known, RunOrigin? Origin)
{
    /// <summary>Dropped once the run is read: an image in its inputs has megabytes, for which the service returns a link.</summary>
    internal ComfyRun? Known { get; set; } = Known;

    /// <summary>Whether somebody watches it: lists do not contain what a run does.</summary>
    internal bool WantsProgress { get; init; }

    /// <summary>Where what becomes of it is recorded; null for nowhere.</summary>
    internal JournaledRow? Journal { get; init; }

    /// <summary>Whether it is enough to know that it has ended: the list says so without a request for the run.</summary>
    internal bool StatusSuffices { get; init; }

    internal string Name => Client.NameOf(RunId, Origin);

    internal Task<ComfyRun> ReadAsync(CancellationToken cancellationToken) => Client.GetRunAsync(RunId, Origin, cancellationToken);
}

internal enum WaitEnd
{
    Finished,

    /// <summary>Not finished at the deadline.</summary>
    TimedOut,

    /// <summary>Never read until the deadline.</summary>
    PollFailed,

    /// <summary>The service said twice that there is no such run.</summary>
    NotFound,

    /// <summary>The connection can no longer be used.</summary>
    Refused,
}

/// <summary>How the wait for one run ended.</summary>
/// <param name="Target">The run waited for.</param>
/// <param name="Run">Its last snapshot; null where none was ever read.</param>
/// <param name="End">How the wait ended.</param>
/// <param name="Error">The last failure.</param>
/// <param name="IsCancelled">Whether the service took its cancel.</param>
internal sealed record WaitOutcome(
    WaitTarget Target, ComfyRun? Run, WaitEnd End, ComfyDeployException? Error = null, bool IsCancelled = false)
{
    internal bool IsLate => End is WaitEnd.TimedOut or WaitEnd.PollFailed;

    /// <summary>Whether its connection is open but refuses every request.</summary>
    internal bool IsGivenUp => this is { End: WaitEnd.Refused, Error.StatusCode: not null };

    /// <summary>Whether it may still run, and bill.</summary>
    internal bool IsRunning => Run is not { IsFinished: true } && !IsCancelled;
}
