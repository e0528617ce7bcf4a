using System.Collections;
using System.Management.Automation;

namespace ComfyDeploy;

/// <summary>
/// An id, a name or an object that stands for a thing of the service. Keeps the object, so that what it knows is not lost on the way.
/// </summary>
public sealed class ComfyReference : IEquatable<ComfyReference>
{
    private readonly PSObject? _source;

    /// <summary>A reference by id or name.</summary>
    public ComfyReference(string text) => Text = text;

    internal ComfyReference(string text, PSObject source)
    {
        Text = text;
        _source = source;
    }

    /// <summary>The id or the name; empty for a row that never became a run.</summary>
    internal string Text { get; }

    /// <summary>The object given, when it was one of ours.</summary>
    internal T? Object<T>() where T : class => _source?.BaseObject as T;

    /// <summary>Whether an object was given, not a text.</summary>
    internal bool HasObject => _source is not null;

    /// <summary>A property of the object given, as text; null when it has none or it is empty.</summary>
    internal string? Property(string name) => PropertyOf(_source, name);

    internal static string? PropertyOf(PSObject? source, string name)
    {
        object? value = source?.BaseObject is IDictionary entries ? entries[name] : source?.Properties[name]?.Value;
        // Several in one property are no id.
        return value is IEnumerable and not string ? null : value?.ToString() is { Length: > 0 } text ? text : null;
    }

    /// <summary>The id.</summary>
    public override string ToString() => Text;

    /// <inheritdoc/>
    public bool Equals(ComfyReference? other) => other is not null && string.Equals(Text, other.Text, StringComparison.OrdinalIgnoreCase);

    /// <summary>Equal to another reference or to the text of the id.</summary>
    public override bool Equals(object? obj) => obj switch
    {
        ComfyReference other => Equals(other),
        string text => string.Equals(Text, text, StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.OrdinalIgnoreCase.GetHashCode(Text);
}
