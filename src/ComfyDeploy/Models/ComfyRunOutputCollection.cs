using System.Collections.ObjectModel;

namespace ComfyDeploy;

/// <summary>The outputs of a run, read-only. Its text is the file names, so that a CSV file shows them.</summary>
public sealed class ComfyRunOutputCollection : ReadOnlyCollection<ComfyRunOutput>
{
    internal static readonly ComfyRunOutputCollection Empty = new([]);

    internal ComfyRunOutputCollection(IList<ComfyRunOutput> outputs) : base(outputs) { }

    /// <summary>The file names, joined by <c>; </c>.</summary>
    public override string ToString() =>
        string.Join("; ", this.Select(output => output.FileName).Where(name => !string.IsNullOrEmpty(name)));
}
