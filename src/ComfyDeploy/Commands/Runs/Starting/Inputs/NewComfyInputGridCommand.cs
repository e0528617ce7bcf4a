using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using System.Management.Automation.Internal;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommon.New, "ComfyInputGrid"), OutputType(typeof(PSCustomObject))]
public sealed class NewComfyInputGridCommand : ComfyDeployCommand
{
    [Parameter(Mandatory = true, Position = 0)]
    public IDictionary Values { get; set; } = null!;

    protected override void ProcessRecord()
    {
        List<(string Name, object?[] Values)> inputs = [];
        foreach (DictionaryEntry entry in Values)
        {
            (string name, object?[] values) = (NameOf(entry.Key.Unwrap()), ValuesOf(entry.Value));
            if (inputs.Exists(input => string.Equals(input.Name, name, StringComparison.OrdinalIgnoreCase)))
                Refuse($"The key '{name}' is given twice: names of inputs are not case-sensitive. Put all its values in one list.");
            if (values.Length == 0) Refuse($"The key '{name}' has no values. Add a value, or remove the key.");
            inputs.Add((name, values));
        }
        if (inputs.Count == 0) Refuse("There are no keys. Name the inputs, with their values: @{ seed = 1, 2 }");
        WriteGrid(inputs);
    }

    /// <summary>
    /// Writes each combination before it makes the next, so that memory stays flat and the command behind can end a long grid. The indexes
    /// count like an odometer.
    /// </summary>
    private void WriteGrid(List<(string Name, object?[] Values)> inputs)
    {
        int[] indexes = new int[inputs.Count];
        int turning;
        do
        {
            PSObject combination = new();
            for (int i = 0; i < indexes.Length; i++)
            {
                combination.Properties.Add(new PSNoteProperty(inputs[i].Name, inputs[i].Values[indexes[i]]));
            }
            WriteObject(combination);
            turning = indexes.Length - 1;
            while (turning >= 0 && ++indexes[turning] == inputs[turning].Values.Length) indexes[turning--] = 0;
        }
        while (turning >= 0);
    }

    private string NameOf(object? key)
    {
        string? name = key as string;
        if (name is null) Refuse($"The key {key} is {key?.GetType().Name}, not text. Quote the name of the input: '{key}'");
        if (name.Length == 0) Refuse("A key is empty. Use the name of an input.");
        return name;
    }

    /// <summary>The values of one input: what the pipeline would take apart is a list, anything else one value.</summary>
    private static object?[] ValuesOf(object? value)
    {
        // What a command without output leaves, such as Get-ChildItem *.png: no value, in contrast to $null.
        if (ReferenceEquals(value, AutomationNull.Value)) return [];
        return LanguagePrimitives.GetEnumerable(value) is { } list ? [.. list.Cast<object?>()] : [value];
    }

    [DoesNotReturn]
    private void Refuse(string reason) => ThrowTerminating(new(ErrorIds.InvalidInput, $"-Values cannot be combined. {reason}"), Values);
}
