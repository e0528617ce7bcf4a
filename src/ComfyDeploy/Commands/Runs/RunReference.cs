using System.Management.Automation;
using System.Text.Json;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>Turns what a user gives for a run into a full ID and into what the given object already knows.</summary>
internal static class RunReference
{
    private const int MinIdLength = 8;
    private const int MaxNameLength = 60;

    /// <summary>36 characters, or 32, or the beginning of one this process has seen.</summary>
    /// <exception cref="ComfyDeployException">RunIdInvalid.</exception>
    internal static string ResolveId(ComfyReference reference, ApiSession session)
    {
        string text = reference.Text;
        if (Guid.TryParseExact(text, "D", out Guid id) || Guid.TryParseExact(text, "N", out id)) return id.ToString("D");
        if (text.Length == 0) throw new ComfyDeployException(ErrorIds.RunIdInvalid, "An empty string is not a run ID.");
        if (text.Length < MinIdLength || !text.All(c => Uri.IsHexDigit(c) || c == '-'))
        {
            throw new ComfyDeployException(
                ErrorIds.RunIdInvalid, $"'{SafeText.Clean(text, MaxNameLength)}' is not a run ID.{ListInstead(text)}");
        }
        IReadOnlyList<string> seen = session.KnownRuns.StartingWith(text);
        return seen.Count == 1
            ? seen[0]
            : throw new ComfyDeployException(
                ErrorIds.RunIdInvalid,
                $"'{text}' is {(seen.Count == 0 ? "not a run this session has seen" : "the beginning of several runs")}: give all 36 " +
                    "characters.");
    }

    /// <summary>What lists the runs of the thing whose name was given instead of an ID.</summary>
    private static string ListInstead(string name)
    {
        if (name.Length > MaxNameLength || name.Any(char.IsControl)) return string.Empty;
        string noun = name.Contains('/') ? "Deployment" : "Workflow";
        return $" For the runs of a {noun.ToLowerInvariant()}: Get-ComfyRun -{noun} {CommandLine.Quote(name)}";
    }

    /// <summary>What the object already knows: the properties of a run, or the columns of a row.</summary>
    internal static RunOrigin? Origin(ComfyReference reference)
    {
        if (reference.Object<ComfyRun>() is { } run) return RunOrigin.Of(run);
        if (!reference.HasObject) return null;
        return new(
            reference.Property("DeploymentId"), reference.Property("DeploymentName"), reference.Property("WorkflowName"),
            reference.Property("Label"), reference.Property("RestartOf"), null);
    }

    /// <summary>A run whose end a manifest knows.</summary>
    internal static ComfyRun? Recorded(ComfyReference reference) =>
        reference.Object<ComfyRun>() is { IsRecorded: true, IsFinished: true } run ? run : null;

    /// <summary>A row of a file that never was queued, as the object it was.</summary>
    internal static ComfyRun? NotQueued(ComfyReference reference)
    {
        if (!reference.HasObject || reference.Text.Length > 0) return null;
        if (reference.Object<ComfyRun>() is { } run) return run;
        ComfyRun row = new()
        {
            Status = RunStatus.NotQueued,
            Error = reference.Property("Error"),
            WorkflowVersionId = reference.Property("WorkflowVersionId"),
            MachineId = reference.Property("MachineId"),
            InputsJson = InputsOf(reference.Value("Inputs")),
        };
        row.CarryOver(Origin(reference));
        return row;
    }

    /// <summary>The inputs of a row: the JSON of a table, or the object that Import-Clixml made.</summary>
    private static string? InputsOf(object? inputs)
    {
        try
        {
            return inputs switch
            {
                string json => FreeJson.ReadObject(ValidJson.Of(json)) is null ? null : ValidJson.Of(json),
                PSObject { BaseObject: PSCustomObject } custom => FreeJson.ToJsonText(custom),
                _ => null,
            };
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
