using System.Collections.ObjectModel;

namespace ComfyDeploy;

/// <summary>The values that an input takes, read-only. Its text is the values, so that a CSV file shows them.</summary>
public sealed class ComfyInputOptions : ReadOnlyCollection<string>
{
    internal ComfyInputOptions(IList<string> options) : base(options) { }

    /// <summary>The values, joined by <c>; </c>.</summary>
    public override string ToString() => string.Join("; ", this);
}
