using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Numerics;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>The inputs of one run: collected from what the user gives, then converted to what the deployment accepts.</summary>
internal sealed class InputSet
{
    // A list keeps the order in which the inputs were given, for tables and -WhatIf.
    private readonly List<KeyValuePair<string, object?>> _values;

    internal InputSet(InputSet? common = null) => _values = common is null ? [] : [.. common._values];

    internal IReadOnlyDictionary<string, object?> Values => _values.ToDictionary(value => value.Key, value => value.Value);

    /// <summary>Adds the entries of a dictionary or the properties of an object; later ones win, whatever their case.</summary>
    /// <param name="source">A dictionary or an object with properties.</param>
    /// <param name="skipEmpty">An empty cell of a table means "not given".</param>
    /// <param name="isInput">Whether a name is that of an input; others are left out.</param>
    internal void Add(PSObject source, bool skipEmpty, Func<string, bool>? isInput = null)
    {
        ComfyDeployException? fault = null;
        foreach ((string name, object? value) in Members(source))
        {
            if (isInput?.Invoke(name) == false) continue;
            try
            {
                Set(name, value, skipEmpty);
            }
            catch (ComfyDeployException e)
            {
                // The others are still added: a refused row keeps its label and its other inputs.
                fault ??= e;
            }
        }
        if (fault is not null) throw fault;
    }

    /// <summary>Adds the values of others, which win.</summary>
    internal void Add(InputSet others)
    {
        foreach ((string name, object? value) in others._values.Select(other => (other.Key, other.Value))) Set(name, value);
    }

    /// <summary>The names in a dictionary or an object, also those without a value.</summary>
    internal static IEnumerable<string> MembersOf(PSObject source) => Members(source).Select(member => member.Name);

    private static IEnumerable<(string Name, object? Value)> Members(PSObject source)
    {
        if (source.BaseObject is IDictionary entries)
        {
            foreach (DictionaryEntry entry in entries)
            {
                yield return (Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!, entry.Value);
            }
            yield break;
        }
        foreach (PSPropertyInfo property in source.Properties)
        {
            if (property.IsGettable) yield return (property.Name, ValueOf(property));
        }
    }

    internal void Set(string name, object? value, bool skipEmpty = false)
    {
        object? plain = Plain(name, value);
        // The service refuses null; leaving the input out gives the workflow's own value.
        if (plain is null || (skipEmpty && plain is string { Length: 0 })) return;
        int known = IndexOf(name);
        if (known < 0) _values.Add(new(name, plain));
        else _values[known] = new(name, plain);
    }

    /// <summary>The files among the values.</summary>
    internal IEnumerable<FileInfo> Files => NamedFiles.Select(named => named.File);

    /// <summary>The files among the values, with the names of their inputs.</summary>
    internal IEnumerable<(string Name, FileInfo File)> NamedFiles => _values.SelectMany(value =>
        (value.Value as object?[] ?? [value.Value]).OfType<FileInfo>().Select(file => (value.Key, file)));

    /// <summary>The inputs as a JSON object; a file is its path.</summary>
    internal string ToJson() => JsonText.Write(Values);

    /// <summary>Puts another value in the place of the one that is given, if there is one.</summary>
    internal void Replace(string name, Func<object?, object?> replace)
    {
        int known = IndexOf(name);
        if (known >= 0) _values[known] = new(_values[known].Key, replace(_values[known].Value));
    }

    /// <summary>The same inputs with links in the place of files.</summary>
    /// <param name="links">The links, by full path.</param>
    internal InputSet WithLinks(IReadOnlyDictionary<string, string> links)
    {
        InputSet inputs = new(this);
        foreach (string name in Values.Keys) inputs.Replace(name, Link);
        return inputs;

        object? Link(object? value) => value switch
        {
            FileInfo file => links[file.FullName],
            object?[] several => several.Select(Link).ToArray(),
            _ => value,
        };
    }

    /// <summary>A JSON file with one object of inputs.</summary>
    /// <exception cref="ComfyDeployException">InvalidInput.</exception>
    internal static PSObject ReadFile(string path)
    {
        try
        {
            return FreeJson.ReadObject(ValidJson.Of(File.ReadAllText(path)))
                ?? throw new ComfyDeployException(ErrorIds.InvalidInput,
                    $"'{path}' is not a JSON object of inputs, such as {{\"prompt\": \"fox\"}}.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ComfyDeployException(ErrorIds.InvalidInput, $"The inputs in '{path}' cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Inputs as the service stored them, or as they were sent.</summary>
    /// <param name="json">A JSON object; anything else has no inputs.</param>
    /// <param name="isInput">Whether a name is wanted.</param>
    internal static InputSet FromJson(string json, Func<string, bool> isInput)
    {
        InputSet inputs = new();
        using JsonDocument document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Object) return inputs;
        foreach (JsonProperty property in document.RootElement.EnumerateObject().Where(property => isInput(property.Name)))
        {
            inputs.Set(property.Name, FreeJson.Convert(property.Value));
        }
        return inputs;
    }

    /// <summary>The names of the inputs, in their order.</summary>
    internal IEnumerable<string> Names => _values.Select(value => value.Key);

    /// <summary>Gives each input the spelling and the form of its definition; a CSV file has only text.</summary>
    /// <exception cref="ComfyDeployException">InvalidInput, with all values that are refused.</exception>
    internal void Fit(IReadOnlyList<ComfyDeploymentInput> definitions)
    {
        List<string> faults = [];
        for (int i = 0; i < _values.Count; i++)
        {
            (string name, object? value) = (_values[i].Key, _values[i].Value);
            if (Definition(definitions, name) is not { } definition) continue;
            (object? converted, string? fault) = InputConversion.Convert(definition, value);
            if (fault is null) _values[i] = new(definition.Name, converted);
            else faults.Add(fault);
        }
        if (faults.Count > 0) throw new ComfyDeployException(ErrorIds.InvalidInput, string.Join(" ", faults));
    }

    /// <exception cref="ComfyDeployException">InvalidInput: the script of the property fails.</exception>
    internal static object? ValueOf(PSPropertyInfo property)
    {
        try
        {
            return property.Value;
        }
        catch (GetValueException e)
        {
            throw new ComfyDeployException(ErrorIds.InvalidInput, $"The property '{property.Name}' cannot be read: {e.Message}", e);
        }
    }

    private int IndexOf(string name) => _values.FindIndex(value => string.Equals(value.Key, name, StringComparison.OrdinalIgnoreCase));

    internal static ComfyDeploymentInput? Definition(IReadOnlyList<ComfyDeploymentInput> definitions, string name) =>
        definitions.FirstOrDefault(d => d.Name == name)
            ?? definitions.FirstOrDefault(d => string.Equals(d.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Unwraps a PowerShell value into one that JSON can hold.</summary>
    private static object? Plain(string name, object? value)
    {
        object? plain = value is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : value;
        switch (plain)
        {
            // The upload of a file puts its link in its place.
            case null or string or bool: return plain;
            case FileInfo file: return new FileInfo(file.FullName);
            case double.NaN or double.PositiveInfinity or double.NegativeInfinity:
            case float.NaN or float.PositiveInfinity or float.NegativeInfinity:
                throw new ComfyDeployException(ErrorIds.InvalidInput,
                    $"{plain} cannot be the value of input '{name}': it is not a number in JSON.");
            case var number when IsNumber(number): return number;
            case SwitchParameter flag: return flag.IsPresent;
            case Uri link: return link.OriginalString;
            case ComfyFile uploaded: return uploaded.Url.OriginalString;
            // A scalar has a text of its own: a character, a time span, a member of an enumeration.
            case char or Version: return plain.ToString();
            case IFormattable scalar and not PSObject: return scalar.ToString(IsDate(scalar) ? "o" : null, CultureInfo.InvariantCulture);
            case IEnumerable list and not IDictionary: return list.Cast<object?>().Select(item => Plain(name, item)).ToArray();
            default:
                string type = plain is PSObject ? "An object" : $"A {plain.GetType().Name}";
                throw new ComfyDeployException(ErrorIds.InvalidInput, $"{type} cannot be the value of input '{name}': the service takes " +
                    "text, numbers, Booleans and lists of them; a file goes in as its link.");
        }
    }

    // DateOnly is not in netstandard.
    private static bool IsDate(object value) => value is DateTime or DateTimeOffset || value.GetType().FullName == "System.DateOnly";

    private static bool IsNumber(object? value) =>
        value is sbyte or byte or short or ushort or int or uint or long or ulong or float or double or decimal or BigInteger;
}
