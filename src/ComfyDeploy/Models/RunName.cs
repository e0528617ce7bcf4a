using ComfyDeploy.Text;

namespace ComfyDeploy;

/// <summary>What a run is called in text: by its label, where it has one, and its ID.</summary>
internal static class RunName
{
    private const int ShortId = 8;
    private const int MaxLabel = 60;
    private const int MaxShortName = 26;

    /// <summary>Such as <c>a07 (b888f774-…)</c>, with the whole ID.</summary>
    internal static string Of(ComfyRun run) => Of(run.RunId!, run.Label);

    internal static string Of(string runId, string? label) => LabelOf(label) is { } name ? $"{name} ({runId})" : runId;

    /// <summary>The label alone, or the ID.</summary>
    internal static string LabelOrId(ComfyRun run) => LabelOf(run.Label) ?? run.ToString();

    /// <summary>A row that has no run, such as <c>3 (a09)</c>.</summary>
    internal static string Row(int row, string? label) => LabelOf(label) is { } name ? $"{row} ({name})" : $"{row}";

    /// <summary>The label as it can be shown; null without one.</summary>
    internal static string? LabelOf(string? label) => SafeText.Clean(label, MaxLabel) is { Length: > 0 } clean ? clean : null;

    /// <summary>For a bar, which has little room: <c>a07 (b888f774)</c>, or without a label <c>b888f774 portrait/production</c>.</summary>
    internal static string Short(ComfyRun run)
    {
        string id = run.RunId!.Length > ShortId ? run.RunId.Substring(0, ShortId) : run.RunId;
        return LabelOf(run.Label) is { } label ? $"{CellText.Fit(label, MaxShortName)} ({id})"
            : $"{id} {CellText.Fit(SafeText.Clean(run.DeploymentName), MaxShortName)}".TrimEnd();
    }
}
