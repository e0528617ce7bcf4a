namespace ComfyDeploy;

/// <summary>One input a deployment takes. Server: an item of <c>input_types</c>.</summary>
public sealed class ComfyDeploymentInput
{
    private readonly string? _nodeClass;

    internal ComfyDeploymentInput() { }

    /// <summary>The key in <c>-Inputs</c>. Server: <c>input_id</c>.</summary>
    public string Name { get; internal init; } = string.Empty;

    /// <summary><c>text number boolean enum image video audio file color model</c>; <c>unknown</c> for a node this version does not
    /// know, whose values are not checked.</summary>
    public string Kind => InputKind.Name;

    /// <summary><c>string float integer boolean binary</c>, or a word this version does not know. Server: <c>type</c>.</summary>
    public string? Type { get; internal init; }

    /// <summary>What the workflow uses when the input is not given: text, a number, a Boolean, or JSON. Server: <c>default_value</c>.
    /// </summary>
    public object? Default { get; internal init; }

    /// <summary>The lowest number, included. Server: <c>min_value</c>.</summary>
    public decimal? Min { get; internal init; }

    /// <summary>The highest number, included. Server: <c>max_value</c>.</summary>
    public decimal? Max { get; internal init; }

    /// <summary>The distance between two values of a slider. Server: <c>step</c>.</summary>
    public decimal? Step { get; internal init; }

    /// <summary>The values to choose from; null for any. Server: <c>enum_options</c>.</summary>
    public ComfyInputOptions? Options { get; internal init; }

    /// <summary>Server: <c>description</c>.</summary>
    public string? Description { get; internal init; }

    /// <summary>The label in a form. Server: <c>display_name</c>.</summary>
    public string? DisplayName { get; internal init; }

    /// <summary>The external node's class. Server: <c>class_type</c>.</summary>
    public string? NodeClass
    {
        get => _nodeClass;
        internal init
        {
            _nodeClass = value;
            InputKind = InputKind.Of(value);
        }
    }

    /// <summary>The deployment that takes it.</summary>
    public string? DeploymentName { get; internal init; }

    internal InputKind InputKind { get; private init; } = InputKind.Of(null);

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
