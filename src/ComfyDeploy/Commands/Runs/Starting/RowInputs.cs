using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>The inputs of each run of one call: those of the file, over them those of -Inputs, over these the row's own.</summary>
internal sealed class RowInputs(PSObject? file, PSObject? given, string? inputName, string? labelColumn)
{
    private InputSet? _common;
    private bool _hasRow;

    /// <summary>What all runs have in common.</summary>
    /// <exception cref="ComfyDeployException">InvalidInput: -Inputs is neither a dictionary nor an object.</exception>
    internal InputSet Common() => new(_common ??= Collect());

    /// <summary>Adds a row to the common inputs.</summary>
    /// <param name="inputs">The common inputs.</param>
    /// <param name="row">The row.</param>
    /// <param name="label">The row's label, which is no input; a row that is refused has one too.</param>
    /// <exception cref="ComfyDeployException">InputRowInvalid, InvalidInput, UnknownInput.</exception>
    internal void Add(InputSet inputs, PSObject row, out string? label)
    {
        label = null;
        object value = row.BaseObject;
        if (Refusal(value) is { } refusal) throw new ComfyDeployException(ErrorIds.InputRowInvalid, refusal);
        if (!_hasRow && labelColumn is not null) CheckLabelColumn(row);
        _hasRow = true;
        try
        {
            if (inputName is null) inputs.Add(row, skipEmpty: true);
            else inputs.Set(inputName, value, skipEmpty: true);
        }
        finally
        {
            if (labelColumn is not null) label = Convert.ToString(inputs.Remove(labelColumn), CultureInfo.InvariantCulture);
        }
    }

    internal static ComfyDeployException RunIsNotARow() => new(ErrorIds.InputRowInvalid, RunRefusal);

    private const string RunRefusal =
        "A ComfyRun is not a row of inputs. To use its inputs: | ForEach-Object Inputs | Start-ComfyRun -Deployment …";

    private void CheckLabelColumn(PSObject row)
    {
        string[] columns = row.BaseObject is IDictionary entries
            ? [.. entries.Keys.Cast<object>().Select(key => Convert.ToString(key, CultureInfo.InvariantCulture)!)]
            : [.. row.Properties.Select(property => property.Name)];
        if (columns.Contains(labelColumn!, StringComparer.OrdinalIgnoreCase)) return;
        throw new ComfyDeployException(ErrorIds.UnknownInput,
            $"The first row has no column '{labelColumn}' for -LabelColumn. Its columns: {string.Join(", ", columns)}.");
    }

    private InputSet Collect()
    {
        InputSet inputs = new();
        if (file is not null) inputs.Add(file, skipEmpty: false);
        if (given is null) return inputs;
        if (given.BaseObject is not (IDictionary or PSCustomObject))
        {
            string type = given.BaseObject.GetType().Name;
            throw new ComfyDeployException(ErrorIds.InvalidInput,
                $"-Inputs takes a hashtable or an object, not a {type}: -Inputs @{{ prompt = '…' }}");
        }
        inputs.Add(given, skipEmpty: false);
        return inputs;
    }

    private string? Refusal(object row) => row switch
    {
        ComfyRun => RunRefusal,
        ComfyDeployment => "A ComfyDeployment is not a row of inputs. Pipe it without -Deployment, or pipe rows.",
        string or ValueType or Uri or FileSystemInfo when inputName is null =>
            $"A {row.GetType().Name} is not a row of inputs. Name the input that it is for: -InputName prompt",
        _ => null,
    };
}
