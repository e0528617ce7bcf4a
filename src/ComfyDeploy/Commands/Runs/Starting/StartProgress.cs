using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>The bar of Start-ComfyRun: how many rows are queued. How many will come is not known. A wait has its own bar instead.</summary>
internal sealed class StartProgress(StartComfyRunCommand cmdlet)
{
    private ProgressBar? _bar;
    private int _refused;

    internal void Begin(IClock clock)
    {
        if (!cmdlet.Wait) _bar ??= cmdlet.NewBar(clock);
    }

    /// <summary>Counts a row that was not queued.</summary>
    internal void Refuse() => _refused++;

    /// <param name="queued">How many runs are queued.</param>
    /// <param name="uploads">The files under way; null without any.</param>
    internal void Update(int queued, ProgressLine? uploads)
    {
        if (_bar?.TakeTurn() != true) return;
        string? refused = _refused > 0 ? $"{_refused} not queued" : null;
        _bar.Show("Starting runs", percent: null, [($"{queued} queued", 0), (refused, 1)], uploads is null ? [] : [uploads]);
    }

    internal void Complete() => _bar?.Complete();
}
