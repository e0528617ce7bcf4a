using System.Management.Automation;
using System.Text.RegularExpressions;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>What came out of a scenario, on the user's side.</summary>
internal sealed partial class ScenarioResult
{
    internal required Scenario Scenario { get; init; }

    internal required EngineRun Run { get; init; }

    /// <summary>Every object that a cmdlet of runs wrote, also those that did not reach the end of the pipeline.</summary>
    internal required IReadOnlyList<PSObject> Written { get; init; }

    /// <summary>What Start-ComfyRun gave to a command behind it.</summary>
    internal required IReadOnlyList<PSObject> Started { get; init; }

    /// <summary>The requests; over sockets, only the service knows them.</summary>
    internal required IReadOnlyList<SentRequest> Sent { get; init; }

    /// <summary>How many creates were under way at the same time, at most.</summary>
    internal required int MostCreates { get; init; }

    /// <summary>How many runs of one service were unfinished at the same time, at most.</summary>
    internal required int MostUnfinished { get; init; }

    /// <summary>How many creates were told that their deployment has vanished.</summary>
    internal required int Vanished { get; init; }

    /// <summary>Whether a key was sent to a host that is not its own.</summary>
    internal required bool SentKeyElsewhere { get; init; }

    /// <summary>The error records, also those that a preference hid.</summary>
    internal required IReadOnlyList<ErrorRecord> Errors { get; init; }

    internal required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>What Get-ComfyRun -ThisSession shows afterwards, by ID.</summary>
    internal required IReadOnlyList<string> ThisSession { get; init; }

    internal required TimeSpan Duration { get; init; }

    internal required string Folder { get; init; }

    internal required IReadOnlyCollection<PlannedFault> FaultsMet { get; init; }

    internal required string AllText { get; init; }

    /// <summary>The runs that reached the user.</summary>
    internal IReadOnlyList<ComfyRun> Runs => [.. Run.Objects.Select(item => item.BaseObject).OfType<ComfyRun>()];

    /// <summary>Every run that a cmdlet wrote, whether or not it reached the user.</summary>
    internal IReadOnlyList<ComfyRun> AllRuns => [.. Written.Concat(Started).Concat(Run.Objects).Select(item => item.BaseObject).OfType<ComfyRun>().Distinct()];

    /// <summary>Whether an error, a preference, or something other than the cmdlets ended the pipeline.</summary>
    internal bool WasEnded => Run.Threw || Scenario.IsCut;

    /// <summary>The IDs in errors and warnings, also in those that went to the screen because no stream took them.</summary>
    internal IReadOnlySet<string> Named => _named ??= [.. Errors.Select(TextOf).Concat(Warnings).Append(Run.Shown).SelectMany(IdsIn)];

    private HashSet<string>? _named;

    /// <summary>Objects, errors and the runs on the service, without what differs each time.</summary>
    internal string Summary(Books books)
    {
        IEnumerable<string> objects = Run.Objects.Select(item => item.BaseObject switch
        {
            ComfyRun run => $"{run.Status} {run.Label} {run.RunId is not null}",
            ComfyStopResult stop => $"{stop.Outcome} {stop.Was}",
            object other => other.GetType().Name,
        });
        IEnumerable<string> errors = Errors.Select(error => error.FullyQualifiedErrorId);
        // Of files that are uploaded at the same time, the service may name either first.
        IEnumerable<string> runs = books.Runs.Select(run => UploadName().Replace($"{run.Status} {run.Inputs}", "/img."));
        return string.Join(Environment.NewLine, [.. objects.Order(StringComparer.Ordinal), .. errors.Order(StringComparer.Ordinal), .. runs.Order(StringComparer.Ordinal)]);
    }

    internal static string TextOf(ErrorRecord error)
    {
        object?[] targets = error.TargetObject is System.Collections.IEnumerable and not string ? [.. (System.Collections.IEnumerable)error.TargetObject] : [error.TargetObject];
        return $"{error} {error.Exception.Message} {string.Join(" ", targets)}";
    }

    internal static IEnumerable<string> IdsIn(string text) => Id().Matches(text).Select(match => match.Value);

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Id();

    [GeneratedRegex(@"/img_[0-9A-Z]{16}\.")]
    private static partial Regex UploadName();
}
