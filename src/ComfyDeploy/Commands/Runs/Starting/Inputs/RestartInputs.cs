using System.Collections;
using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>The inputs of runs that are started again: those they had, except where -InputOverride has another value.</summary>
internal sealed class RestartInputs
{
    private readonly InputSet _changes = new();
    private readonly HashSet<string> _changed = new(StringComparer.OrdinalIgnoreCase);

    /// <exception cref="ComfyDeployException">InvalidInput.</exception>
    internal RestartInputs(PSObject? given)
    {
        if (given is null) return;
        if (given.BaseObject is not (IDictionary or PSCustomObject))
        {
            throw new ComfyDeployException(ErrorIds.InvalidInput, "-InputOverride takes a hashtable or an object, not a "
                + $"{given.BaseObject.GetType().Name}: -InputOverride @{{ seed = 1 }}");
        }
        _changes.Add(given, skipEmpty: false);
        // An input without a value is left out.
        _changed.UnionWith(InputSet.MembersOf(given));
    }

    /// <summary>The inputs of a run.</summary>
    /// <exception cref="ComfyDeployException">InvalidInput: a row that was never queued has none.</exception>
    internal InputSet Of(ComfyRun run)
    {
        if (run is { InputsJson: null, RunId: null })
        {
            throw new ComfyDeployException(ErrorIds.InvalidInput,
                "The row was not queued and has no Inputs. Keep the objects, or their column Inputs, to start them again.");
        }
        InputSet inputs = run.InputsJson is null ? new() : InputSet.FromJson(run.InputsJson, IsInherited);
        foreach (string name in inputs.Names.ToArray()) inputs.Replace(name, Unsigned);
        if (run.RunId is null) CheckWhole(inputs, run.IsRecorded ? RecordedInputs.IsPart : RecordedInputs.IsHashed);
        inputs.Add(_changes);
        return inputs;
    }

    /// <summary>Checks what a run passes on: another deployment may not know an input, and a link may have expired meanwhile.</summary>
    /// <exception cref="ComfyDeployException">UnknownInput, InputExpired.</exception>
    internal void Check(InputSet inputs, RunSubject subject, DateTime now)
    {
        string[] inherited = [.. inputs.Names.Where(IsInherited)];
        if (subject.Inputs is { } definitions) InputNames.CheckInherited(inherited, definitions, subject.Name);
        foreach (string name in inherited) CheckLinks(name, inputs.Values[name], now);
    }

    /// <summary>Nobody but the manifest, or a file that was made from it, has the inputs of a row that was never queued.</summary>
    private static void CheckWhole(InputSet inputs, Func<string, bool> isPart)
    {
        string[] parts = [.. inputs.Values.Where(input => Texts(input.Value).Any(isPart)).Select(input => input.Key)];
        if (parts.Length == 0) return;
        throw new ComfyDeployException(ErrorIds.InvalidInput, "The manifest does not have the whole value of input "
            + $"'{string.Join("', '", parts)}': it is long, or has a signed link. Give it with -InputOverride.");
    }

    private static IEnumerable<string> Texts(object? value) => (value as object?[] ?? [value]).OfType<string>();

    private bool IsInherited(string name) => !_changed.Contains(name);

    private static object? Unsigned(object? value) => value switch
    {
        string text => StoredLink.Unsigned(RecordedInputs.Split(text).Text) ?? text,
        object?[] several => several.Select(Unsigned).ToArray(),
        _ => value,
    };

    private static void CheckLinks(string name, object? value, DateTime now)
    {
        foreach (string link in Texts(value))
        {
            if (StoredLink.Expiry(link) is not { } end || end > now) continue;
            throw new ComfyDeployException(ErrorIds.InputExpired,
                $"The signed link of input '{name}', to {new Uri(link).Host}, expired at {end:yyyy-MM-dd HH:mm}. Give another: "
                    + $"-InputOverride @{{ '{name.Replace("'", "''")}' = '…' }}");
        }
    }
}
