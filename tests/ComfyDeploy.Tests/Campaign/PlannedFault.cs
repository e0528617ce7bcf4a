namespace ComfyDeploy.Tests.Campaign;

/// <summary>A kind of request.</summary>
internal enum ServiceRoute
{
    Any,
    Create,
    ReadRun,
    Cancel,
    ListRuns,
    OwnRuns,
    RawRuns,
    Log,
    Deployments,
    Prices,
    Storage,
    Upload,
    Doorbell,
}

/// <summary>What can happen to a request.</summary>
internal enum FaultKind
{
    TooManyForSeconds,
    TooManyUntilDate,
    NoCredit,
    Unauthorized,
    Forbidden,
    NotFound,
    Unavailable,
    ResetBefore,
    ResetInAnswer,
    ResetAfter,
    Hang,
    Truncated,
    EmptyObject,
    NullAnswer,
    WrongTypes,
    HalfSurrogate,
    EmptyTexts,
    CorruptGzip,
    ServerError,
    Vanished,
}

/// <summary>One fault of a scenario.</summary>
/// <param name="Kind">What happens.</param>
/// <param name="Route">To which requests.</param>
/// <param name="At">To which of them first, from 1.</param>
/// <param name="Seconds">How long an outage lasts, or the pause that is asked for.</param>
/// <param name="Times">To how many of them in a row.</param>
/// <param name="Deployment">The deployment that vanishes; null for another fault.</param>
internal sealed record PlannedFault(FaultKind Kind, ServiceRoute Route, int At, int Seconds, int Times = 1, string? Deployment = null)
{
    /// <summary>Whether it meets the request that is the <paramref name="place"/>th of its route.</summary>
    internal bool Meets(int place, TimeSpan sinceFirst) => Kind switch
    {
        FaultKind.NoCredit or FaultKind.Vanished => place >= At,
        FaultKind.Unavailable => place >= At && sinceFirst < TimeSpan.FromSeconds(Seconds),
        _ => place >= At && place < At + Times,
    };

    public override string ToString() => Kind switch
    {
        FaultKind.Vanished => $"{Route}: {Deployment} vanishes at its request {At}",
        FaultKind.NoCredit => $"{Route}: {Kind} from request {At} on",
        FaultKind.Unavailable => $"{Route}: {Kind} for {Seconds} s from request {At} on",
        FaultKind.TooManyForSeconds or FaultKind.TooManyUntilDate => $"{Route}: {Kind}, {Seconds} s, at request {At}",
        _ => $"{Route}: {Kind} at request {At}{(Times > 1 ? $" and the next {Times - 1}" : "")}",
    };
}
