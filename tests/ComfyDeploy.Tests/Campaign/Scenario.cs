namespace ComfyDeploy.Tests.Campaign;

/// <summary>What the user runs.</summary>
internal enum Flow
{
    Start,
    StartWait,
    StartPipeWait,
    StartThenWait,
    WaitAny,
    WaitCount,
    WaitInOrder,
    WaitStopOnTimeout,
    WaitThrowOnFailure,
    WaitSave,
    GetActiveStop,
    GetStatusStop,
    StopWait,
    StartWaitStopOnTimeout,
}

/// <summary>What stands behind the pipeline.</summary>
internal enum Downstream
{
    TakesAll,
    TakesFirst,
    Throws,
}

/// <summary>One input row; its tags tell the emulator how the run goes.</summary>
/// <param name="Prompt">Its prompt.</param>
/// <param name="Label">Its label.</param>
/// <param name="Deployment">The deployment it names, where there is a column for it.</param>
/// <param name="File">The file it is given as an image; null for none.</param>
/// <param name="IsPath">Whether the file comes as its path, not as an object.</param>
internal sealed record Row(string Prompt, string Label, string Deployment = ScenarioDeployments.Usual, string? File = null, bool IsPath = false);

/// <summary>The preferences of the session.</summary>
internal sealed record Preferences(string Error, string Warning, string Debug, string Verbose, string Information)
{
    internal static readonly Preferences Quiet = new("Continue", "Continue", "SilentlyContinue", "SilentlyContinue", "SilentlyContinue");
}

/// <summary>Everything that happens in one scenario: the same scenario gives the same result.</summary>
internal sealed record Scenario
{
    internal required Flow Flow { get; init; }

    internal required IReadOnlyList<Row> Rows { get; init; }

    /// <summary>Seconds of -Timeout; null for none.</summary>
    internal int? Deadline { get; init; }

    internal Preferences Preferences { get; init; } = Preferences.Quiet;

    internal Downstream Downstream { get; init; }

    /// <summary>At which object the downstream has enough.</summary>
    internal int Enough { get; init; } = 1;

    /// <summary>The request at which the user presses Ctrl+C; null for none.</summary>
    internal int? StopAtRequest { get; init; }

    /// <summary>Whether that request is carried out all the same.</summary>
    internal bool StoppedRequestArrives { get; init; }

    /// <summary>Whether every second row goes to another account.</summary>
    internal bool HasTwoConnections { get; init; }

    internal IReadOnlyList<PlannedFault> Faults { get; init; } = [];

    /// <summary>Whether each row names its deployment.</summary>
    internal bool HasColumn { get; init; }

    /// <summary>How many runs of a call may be unfinished; null for any number.</summary>
    internal int? MaxInFlight { get; init; }

    /// <summary>Whether creates and uploads take time, so that several are under way at once.</summary>
    internal bool HasLatency { get; init; }

    /// <summary>Whether this session has read the deployments before, so that its first request is a create.</summary>
    internal bool KnowsDeployments { get; init; }

    /// <summary>Whether client and service talk over real sockets, and time is fast in place of virtual.</summary>
    internal bool HasSockets { get; init; }

    /// <summary>How the service announces changes.</summary>
    internal DoorbellKind Doorbell { get; init; }

    /// <summary>Whether the runs exist before the pipeline begins.</summary>
    internal bool HasEarlierRuns => Flow is Flow.GetActiveStop or Flow.GetStatusStop or Flow.StopWait;

    internal bool HasFiles => Rows.Any(row => row.File is not null);

    /// <summary>Whether what is late must be cancelled.</summary>
    internal bool StopsLate => Flow is Flow.WaitStopOnTimeout or Flow.StartWaitStopOnTimeout;

    /// <summary>Whether something other than the cmdlets ends the pipeline.</summary>
    internal bool IsCut => Downstream != Downstream.TakesAll || StopAtRequest is not null;

    internal bool HasFault(params ServiceRoute[] routes) =>
        Faults.Any(fault => fault.Route == ServiceRoute.Any || routes.Contains(fault.Route));

    public override string ToString()
    {
        IEnumerable<string> lines =
        [
            .. Faults.Select(fault => $"# {fault}"),
            .. StopAtRequest is { } stop ? [$"# Ctrl+C at request {stop}{(StoppedRequestArrives ? ", which arrives" : "")}"] : (string[])[],
            .. KnowsDeployments ? ["# the deployments are known"] : (string[])[],
            .. HasLatency ? ["# creates and uploads take time"] : (string[])[],
            .. HasSockets ? ["# over sockets"] : (string[])[],
            ScenarioScript.Of(this),
        ];
        return string.Join(Environment.NewLine, lines);
    }
}
