using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>The streams of a cmdlet where a write ends the pipeline, because their preference is Stop.</summary>
internal sealed class StreamPreferences(PSCmdlet cmdlet)
{
    private readonly Dictionary<string, bool> _ending = [];

    /// <param name="stream">Error, Warning, Verbose, Debug, Information or Progress.</param>
    internal bool EndPipeline(string stream)
    {
        if (!_ending.TryGetValue(stream, out bool ends))
        {
            _ending.Add(stream, ends = Preference(stream) == ActionPreference.Stop);
        }
        return ends;
    }

    /// <summary>Whether what is written to the stream is shown nowhere.</summary>
    internal bool IsSilent(string stream) => Preference(stream) is ActionPreference.SilentlyContinue or ActionPreference.Ignore;

    private ActionPreference? Preference(string stream)
    {
        Dictionary<string, object> bound = cmdlet.MyInvocation.BoundParameters;
        if (bound.TryGetValue($"{stream}Action", out object? action)) return action as ActionPreference?;
        if (bound.ContainsKey(stream)) return ActionPreference.Continue;
        string variable = stream == "Error" ? "ErrorActionPreference" : $"{stream}Preference";
        return LanguagePrimitives.TryConvertTo(cmdlet.GetVariableValue(variable), out ActionPreference preference) ? preference : null;
    }
}
