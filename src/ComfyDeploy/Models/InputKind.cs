namespace ComfyDeploy;

/// <summary>The form in which an input is sent.</summary>
internal enum InputForm
{
    /// <summary>As it is given: the class of the node is not known.</summary>
    Any,

    /// <summary>The link of a file, or its data.</summary>
    File,
    Text,
    Integer,
    Float,
    Boolean,

    /// <summary>One of the options.</summary>
    Option,
}

/// <summary>What an input takes, known by the class of the node behind it: the service types a picture as a string.</summary>
/// <param name="Name">The public word.</param>
/// <param name="Form">How a value is checked, converted, and sent.</param>
/// <param name="IsSlider">Whether the node limits values to steps; for any other, the step is a hint for a form.</param>
/// <param name="IsBatch">Whether it takes a list.</param>
internal sealed record InputKind(string Name, InputForm Form, bool IsSlider = false, bool IsBatch = false)
{
    private const string Prefix = "ComfyUIDeployExternal";

    private static readonly InputKind Unknown = new("unknown", InputForm.Any);
    private static readonly InputKind Text = new("text", InputForm.Text);
    private static readonly InputKind Image = new("image", InputForm.File);
    private static readonly InputKind File = new("file", InputForm.File);
    private static readonly InputKind Integer = new("number", InputForm.Integer);
    private static readonly InputKind Model = new("model", InputForm.Text);

    private static readonly Dictionary<string, InputKind> ByNode = new(StringComparer.Ordinal)
    {
        ["Text"] = Text,
        ["TextAny"] = Text,
        ["TextSingleLine"] = Text,
        ["Image"] = Image,
        ["ImageAlpha"] = Image,
        ["ImageBatch"] = Image with { IsBatch = true },
        ["EXR"] = Image,
        ["Video"] = new("video", InputForm.File),
        ["Audio"] = new("audio", InputForm.File),
        ["File"] = File,
        ["FaceModel"] = File,
        ["Number"] = new("number", InputForm.Float),
        ["NumberSlider"] = new("number", InputForm.Float, IsSlider: true),
        ["NumberInt"] = Integer,
        ["NumberSliderInt"] = Integer with { IsSlider = true },
        ["Seed"] = Integer,
        ["Boolean"] = new("boolean", InputForm.Boolean),
        ["Enum"] = new("enum", InputForm.Option),
        ["Color"] = new("color", InputForm.Text),
        ["Lora"] = Model,
        ["Checkpoint"] = Model,
    };

    /// <param name="nodeClass">The class of the node behind the input.</param>
    internal static InputKind Of(string? nodeClass) =>
        nodeClass is not null && nodeClass.StartsWith(Prefix, StringComparison.Ordinal)
            && ByNode.TryGetValue(nodeClass.Substring(Prefix.Length), out InputKind? kind) ? kind : Unknown;
}
