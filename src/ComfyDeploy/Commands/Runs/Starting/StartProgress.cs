using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>The bar of Start-ComfyRun: how many rows are queued. How many will come is not known. A wait has its own bar instead.</summary>
internal sealed class StartProgress(StartingCommand cmdlet)
{
    private ProgressBar? _bar;
    private int _refused;

    internal void Begin(IClock clock)
    {
        if (!cmdlet.Wait) _bar ??= cmdlet.NewBar(clock);
    }

    /// <summary>Counts a row that was not queued.</summary>
    internal void Refuse() => _refused++;

    /// <param name="creator">Knows how many runs are queued and unfinished.</param>
    /// <param name="uploads">The files under way; null without any.</param>
    internal void Update(RunCreator creator, ProgressLine? uploads)
    {
        if (_bar?.TakeTurn() != true) return;
        string? refused = _refused > 0 ? $"{_refused} not queued" : null;
        string? inFlight = creator.InFlight is { } count ? $"{count} in flight" : null;
        _bar.Show("Starting runs", percent: null, [($"{creator.Queued.Count} queued", 0), (inFlight, 1), (refused, 2)],
            uploads is null ? [] : [uploads]);
    }

    internal void Complete() => _bar?.Complete();
}
