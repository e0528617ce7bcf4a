using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace ComfyDeploy.Commands;

/// <summary>The command that is being typed, as far as completion needs it.</summary>
/// <param name="name">The cmdlet.</param>
/// <param name="ast">The command.</param>
/// <param name="parameters">The parameters typed so far.</param>
/// <param name="word">The word to complete, without its quotes.</param>
internal sealed class TypedCommand(string name, CommandAst ast, IDictionary parameters, string word)
{
    private const string ConnectionParameter = "Connection";

    internal string Word => word;

    /// <summary>The quote that the word begins with and does not end with.</summary>
    internal char? OpenQuote =>
        ast.CommandElements.Last().Extent.Text is ['\'' or '"', ..] text && (text.Length == 1 || text[text.Length - 1] != text[0])
            ? text[0]
            : null;

    /// <summary>What the connection that the command would use offers; null when it would be without one.</summary>
    internal CompletionLists? Lists => Connection() is { IsClosed: false } connection ? new(connection) : null;

    /// <summary>The deployments that a parameter typed so far means; none when it is not typed.</summary>
    internal IEnumerable<ComfyDeployment> DeploymentsOf(params string[] parameterNames)
    {
        object?[] given = [.. parameterNames.SelectMany(Values)];
        if (given.Length == 0) return [];
        ComfyDeployment[] objects = [.. given.OfType<ComfyDeployment>()];
        string[] names = [.. given.Except(objects).Select(value => value?.ToString()).OfType<string>()];
        if (names.Length == 0) return objects;
        return (Lists?.Deployments ?? []).Where(d => names.Any(name =>
            DeploymentLookup.Matches(d, name) || string.Equals(d.DeploymentId, name, StringComparison.OrdinalIgnoreCase))).Concat(objects);
    }

    private IEnumerable<object?> Values(string parameterName) => parameters[parameterName].Unwrap() switch
    {
        null => [],
        object[] several => several.Select(PSObjects.Unwrap),
        var one => [one],
    };

    private ComfyConnection? Connection() => (parameters[ConnectionParameter] ?? DefaultParameterValue()).Unwrap() switch
    {
        string given => ConnectionStore.Find(given),
        ComfyConnection given => given,
        _ => ConnectionStore.Default ?? EnvironmentConnection.Find(out _),
    };

    /// <summary>The connection that $PSDefaultParameterValues chooses, which the engine does not pass on.</summary>
    private object? DefaultParameterValue()
    {
        using PowerShell shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        // In strict mode, a variable that is missing would be an error.
        shell.AddScript("Set-StrictMode -Off; $PSDefaultParameterValues", useLocalScope: true);
        if (shell.Invoke().FirstOrDefault()?.BaseObject is not IDictionary defaults || defaults["Disabled"] is true) return null;
        return defaults.Cast<DictionaryEntry>().Where(IsForConnection).Select(entry => entry.Value).FirstOrDefault();
    }

    private bool IsForConnection(DictionaryEntry entry) =>
        entry.Key.ToString().Split(':') is [var command, var parameter]
        && new NamePattern(command.Trim()).Matches(name) && new NamePattern(parameter.Trim()).Matches(ConnectionParameter);
}
