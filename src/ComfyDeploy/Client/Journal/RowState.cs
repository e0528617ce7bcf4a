namespace ComfyDeploy.Client;

/// <summary>How far a row of a manifest has come.</summary>
internal enum RowState : byte
{
    /// <summary>A create was announced, and nothing is known of its answer.</summary>
    Intended,

    /// <summary>Its run is known, and not its end.</summary>
    Queued,

    /// <summary>The service certainly made no run.</summary>
    Refused,

    /// <summary>Its run has ended.</summary>
    Ended,
}
