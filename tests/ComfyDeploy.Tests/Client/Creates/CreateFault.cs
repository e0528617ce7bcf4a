namespace ComfyDeploy.Tests.Client;

/// <summary>The outcome of one POST.</summary>
public enum CreateFault
{
    None,
    Throttled,
    Refused,
    Invalid,
    Error500,
    ResetNotTaken,
    ResetTaken,
    TimeoutNotTaken,
    TimeoutTaken,
    Gateway502NotTaken,
    Gateway502Taken,
    Gateway503NotTaken,
    Gateway503Taken,
    Gateway504NotTaken,
    Gateway504Taken,
    Status408NotTaken,
    Status408Taken,
    UnreadableTaken,
    WithoutIdTaken,
    HangNotTaken,
    HangTaken,
    CorruptGzipTaken,
}

internal static class CreateFaults
{
    /// <summary>Whether the caller cannot know if there is a run.</summary>
    internal static bool IsUnknown(this CreateFault fault) => fault >= CreateFault.ResetNotTaken;

    /// <summary>Whether there is a run anyway.</summary>
    internal static bool IsTaken(this CreateFault fault) => fault == CreateFault.None || (fault.IsUnknown() && fault.ToString().EndsWith("Taken", StringComparison.Ordinal) && !fault.ToString().EndsWith("NotTaken", StringComparison.Ordinal));
}
