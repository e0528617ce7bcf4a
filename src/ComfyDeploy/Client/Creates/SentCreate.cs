using System.Diagnostics;

namespace ComfyDeploy.Client;

internal enum CreateState
{
    /// <summary>On its way.</summary>
    Sending,

    /// <summary>Its run is known, or there certainly is none.</summary>
    Answered,

    /// <summary>It may have made a run, and its caller waits for the look-up.</summary>
    Lost,

    /// <summary>It may have made a run, and its caller has given up: Ctrl+C, or a look-up that found nothing.</summary>
    Unanswered,
}

/// <summary>A create that was sent.</summary>
internal sealed class SentCreate(CreateRequest request, DateTime sentAt)
{
    internal CreateRequest Request { get; private set; } = request;

    /// <summary>UTC, by the local clock.</summary>
    internal DateTime SentAt { get; } = sentAt;

    internal long SentTicks { get; } = Stopwatch.GetTimestamp();

    internal CreateState State { get; set; }

    /// <summary>The run it made, once found.</summary>
    internal string? RunId { get; set; }

    /// <summary>Whether its look-up is over.</summary>
    internal bool IsDecided { get; set; }

    /// <summary>Forgets what no comparison needs: an image in the inputs has megabytes.</summary>
    internal void Shrink() => Request = Request with { InputsJson = InputComparison.WithoutData(Request.InputsJson) };
}
