using System.Management.Automation;

namespace ComfyDeploy.Tests.Engine;

/// <summary>The complete output of one script: the objects and every stream.</summary>
internal sealed class EngineRun
{
    internal required IReadOnlyList<PSObject> Objects { get; init; }

    /// <summary>The error records, the one that ended the script last.</summary>
    internal required IReadOnlyList<ErrorRecord> Errors { get; init; }

    /// <summary>Whether an error or an error preference ended the script.</summary>
    internal required bool Threw { get; init; }

    internal required IReadOnlyList<string> Warnings { get; init; }

    internal required IReadOnlyList<string> Verbose { get; init; }

    internal required IReadOnlyList<string> Debug { get; init; }

    internal required IReadOnlyList<InformationRecord> Information { get; init; }

    internal required IReadOnlyList<ProgressRecord> Progress { get; init; }

    /// <summary>The text the host displayed.</summary>
    internal required string Shown { get; init; }

    internal IReadOnlyList<ComfyRun> Runs => All<ComfyRun>();

    internal IReadOnlyList<T> All<T>() => [.. Objects.Select(item => Assert.IsType<T>(item.BaseObject, exactMatch: false))];

    internal T One<T>() => Assert.IsType<T>(Assert.Single(Objects).BaseObject, exactMatch: false);

    /// <summary>The only error, which has this id.</summary>
    internal ErrorRecord Error(string id)
    {
        ErrorRecord error = Assert.Single(Errors);
        Assert.Equal(id, IdOf(error));
        return error;
    }

    /// <summary>The error ID without the name of the cmdlet.</summary>
    internal static string IdOf(ErrorRecord error) => error.FullyQualifiedErrorId.Split(',')[0];

    /// <summary>Everything as text, to search for what must not be there.</summary>
    internal string Everything()
    {
        IEnumerable<string?> lines =
        [
            .. Objects.SelectMany(item => item.Properties.Where(property => property is not PSScriptProperty).Select(property => $"{property.Name}={property.Value}").Prepend(item.ToString())),
            .. Errors.Select(error => $"{error} {error.FullyQualifiedErrorId} {error.TargetObject} {error.ErrorDetails} {error.Exception} {error.InvocationInfo?.Line}"),
            .. Warnings,
            .. Verbose,
            .. Debug,
            .. Information.Select(record => record.ToString()),
            .. Progress.Select(record => $"{record.Activity} {record.StatusDescription} {record.CurrentOperation}"),
            Shown,
        ];
        return string.Join(Environment.NewLine, lines);
    }
}
