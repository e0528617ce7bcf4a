namespace ComfyDeploy.Tests.Campaign;

/// <summary>How the service announces changes.</summary>
internal enum DoorbellKind
{
    /// <summary>It does not.</summary>
    None,

    /// <summary>As the emulator does.</summary>
    Works,

    /// <summary>The request is never answered.</summary>
    Hangs,

    /// <summary>It opens and then says nothing.</summary>
    IsSilent,

    /// <summary>It says something for a while, then nothing.</summary>
    FallsSilent,

    /// <summary>It ends again and again.</summary>
    Ends,

    /// <summary>It announces ends that have not happened.</summary>
    Lies,

    /// <summary>It sends more than anyone can read.</summary>
    Floods,
}
