namespace ComfyDeploy.Commands;

/// <summary>A run to queue, as the pipeline thread has prepared it.</summary>
/// <param name="Template">What to run.</param>
/// <param name="Inputs">Its inputs, with files.</param>
/// <param name="Label">Its label.</param>
/// <param name="Row">The number of its row; 0 for a run without one.</param>
/// <param name="Uploads">What receives the bytes of each file.</param>
/// <param name="Entry">Where it is recorded; null without a manifest.</param>
internal sealed record PreparedRun(
    RunTemplate Template, InputSet Inputs, string? Label, int Row, IReadOnlyList<Action<long>> Uploads, ManifestEntry? Entry)
{
    internal StartedRow Refuse(ComfyDeployException error) => new(Template.NotQueued(error, Inputs.ToJson(), Label, Entry), Row, error);
}

/// <summary>A row and its run, or what kept it from being queued.</summary>
/// <param name="Run">The run, queued or not.</param>
/// <param name="Row">The number of the row; 0 for a run without one.</param>
/// <param name="Error">Why it was not queued.</param>
internal sealed record StartedRow(ComfyRun Run, int Row, ComfyDeployException? Error)
{
    /// <summary>Says that it was not queued, and why.</summary>
    internal string Refusal => Run.RestartOf is { } runId
        ? $"Run {RunName.Of(runId, Run.Label)} was not restarted: {Run.Error}"
        : $"Row {RunName.Row(Row, Run.Label)} was not queued: {Run.Error}";
}
