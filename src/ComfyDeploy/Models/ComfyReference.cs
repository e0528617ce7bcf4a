using System.Collections;
using System.Management.Automation;

namespace ComfyDeploy;

/// <summary>
/// An ID, a name or an object that refers to a run, a deployment, a workflow, a version or a machine. Keeps the object and what it knows.
/// </summary>
public sealed class ComfyReference : IEquatable<ComfyReference>
{
    private readonly PSObject? _source;

    /// <summary>Creates a reference by ID or name.</summary>
    public ComfyReference(string text) => Text = text;

    internal ComfyReference(string text, PSObject source)
    {
        Text = text;
        _source = source;
    }

    /// <summary>The ID or the name; empty for a row that never became a run.</summary>
    internal string Text { get; }

    /// <summary>The source object, when it has this type.</summary>
    internal T? Object<T>() where T : class => _source?.BaseObject as T;

    /// <summary>Whether the source is an object, not text.</summary>
    internal bool HasObject => _source is not null;

    /// <summary>A property of the source object, as text; null when it is missing or empty.</summary>
    internal string? Property(string name) => PropertyOf(_source, name);

    /// <summary>The names of the properties of a source that is a custom object, such as a row of a table.</summary>
    internal IEnumerable<string> PropertyNames =>
        _source?.BaseObject is PSCustomObject ? _source.Properties.Select(property => property.Name) : [];

    /// <summary>A property of the source object; null when it is missing.</summary>
    internal object? Value(string name) => ValueOf(_source, name);

    internal static string? PropertyOf(PSObject? source, string name)
    {
        object? value = ValueOf(source, name);
        // A list in one property is not an ID.
        return value is IEnumerable and not string ? null : value?.ToString() is { Length: > 0 } text ? text : null;
    }

    private static object? ValueOf(PSObject? source, string name) =>
        source?.BaseObject is IDictionary entries ? entries[name] : source?.Properties[name]?.Value;

    /// <summary>The ID or the name.</summary>
    public override string ToString() => Text;

    /// <inheritdoc/>
    public bool Equals(ComfyReference? other) => other is not null && string.Equals(Text, other.Text, StringComparison.OrdinalIgnoreCase);

    /// <summary>Equal to another reference or to the text of the ID.</summary>
    public override bool Equals(object? obj) => obj switch
    {
        ComfyReference other => Equals(other),
        string text => string.Equals(Text, text, StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.OrdinalIgnoreCase.GetHashCode(Text);
}
