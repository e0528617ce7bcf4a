namespace ComfyDeploy;

/// <summary>One input a deployment takes. Server: an item of <c>input_types</c>.</summary>
public sealed class ComfyDeploymentInput
{
    internal ComfyDeploymentInput() { }

    /// <summary>The key in <c>-Inputs</c>. Server: <c>input_id</c>.</summary>
    public string Name { get; internal init; } = string.Empty;

    /// <summary><c>string float integer boolean binary</c>, or a word this version does not know. Server: <c>type</c>.</summary>
    public string? Type { get; internal init; }

    /// <summary>The external node's class. Server: <c>class_type</c>.</summary>
    public string? NodeClass { get; internal init; }

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
