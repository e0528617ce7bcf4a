namespace ComfyDeploy.Client;

internal enum RowState
{
    /// <summary>It is not known whether the request made a run.</summary>
    Intended,

    /// <summary>Its run is known, and not its end.</summary>
    Queued,

    /// <summary>The last request certainly made no run.</summary>
    Refused,

    /// <summary>Its run has ended.</summary>
    Ended,
}

/// <summary>A row as its lines left it. It is never changed. Text stays in the file: only its places are kept.</summary>
internal sealed record ManifestRow(RowKey Key)
{
    /// <summary>Its number in the call that recorded it first; a row without an intent is last.</summary>
    internal int Number { get; init; } = int.MaxValue;

    internal int Attempt { get; init; }

    /// <summary>The row with the run of an earlier attempt: what it is again when the service refuses the next one.</summary>
    internal ManifestRow? Before { get; init; }

    internal RowState State { get; init; }

    /// <summary>The run of the last attempt; empty when none is known.</summary>
    internal Guid Run { get; init; }

    internal string? RunId => Run == Guid.Empty ? null : Run.ToString();

    /// <summary>Whether a time limit, not the user, cancels the run.</summary>
    internal bool IsStopping { get; init; }

    internal bool IsCancelled { get; init; }

    /// <summary>Whether it is never queued again by itself.</summary>
    internal bool IsDone => State == RowState.Ended && !(IsCancelled && IsStopping);

    /// <summary>Where its last intent is in the file; negative when there is none.</summary>
    internal long IntentAt { get; init; } = -1;

    /// <summary>Where the line is that ended or refused it; negative when there is none.</summary>
    internal long AnswerAt { get; init; } = -1;

    /// <summary>Where the lines of its saved files are.</summary>
    internal long[] SavedAt { get; init; } = [];
}
