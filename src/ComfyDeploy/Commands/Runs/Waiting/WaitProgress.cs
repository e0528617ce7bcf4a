using System.Globalization;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>Shows the progress of a wait: bars on a console, a line per change where output is redirected.</summary>
/// <param name="wait">The wait.</param>
/// <param name="clock">Time.</param>
/// <param name="bar">The bar; also measures the time between two changes.</param>
/// <param name="writeLine">Where bars cannot be seen, receives lines instead, for those who ask for them; else null.</param>
internal sealed class WaitProgress(RunWait wait, IClock clock, ProgressBar bar, Action<string>? writeLine)
{
    private const int MaxRunsWithLines = 10;
    private const int FewestEnded = 3;
    private static readonly TimeSpan SummaryPause = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, string?> _reported = [];
    private TimeSpan _lastSummary;
    private TimeSpan? _away;
    private int _ended;

    /// <summary>When the wait began, UTC, by the service's clock.</summary>
    internal DateTime Began { get; init; } = clock.Now;

    /// <summary>Whether the time until the deadline is shown, because the user has set it.</summary>
    internal bool ShowsTimeLeft { get; init; }

    /// <summary>What else is under way; its line is the first below the bar.</summary>
    internal Func<ProgressLine?> Extra { get; init; } = () => null;

    internal TimeSpan Elapsed => bar.Elapsed;

    /// <summary>Shows the current state, at most four times a second, and nothing for a short wait.</summary>
    internal void Update()
    {
        if (!bar.TakeTurn()) return;
        _away = wait.CheckOutage();
        if (writeLine is null) ShowBar();
        else WriteLines();
    }

    /// <summary>
    /// Takes note of how a run ended, before its row is written. Where lines are written, that is one for every run of a few, and of many
    /// for those that did not succeed.
    /// </summary>
    internal void Ended(ComfyRun run)
    {
        if (run.RunId is null) return;
        bar.CloseLine(run.RunId);
        // A run that had ended before says nothing about the speed of this wait.
        if (run.EndedAt is { } end && end.ToUniversalTime() >= Began) _ended++;
        if (writeLine is null || !bar.IsLong || (wait.Received > MaxRunsWithLines && run.IsSuccess)) return;
        string time = run.RunSeconds is { } seconds ? $" {Math.Floor(seconds).ToString(CultureInfo.InvariantCulture)} s" : string.Empty;
        string detail = run.Error is not null ? $", {SafeText.Clean(run.Error)}"
            : run is { IsSuccess: true, OutputCount: { } count } ? $", {Plural.Of(count, "output")}"
            : string.Empty;
        Line($"{RunName.Of(run)} {SafeText.Clean(run.Status)}{time}{detail}");
    }

    internal void Complete() => bar.Complete();

    /// <summary>The lines of the runs nearest their end. A line must have a text, so a run that says nothing has none.</summary>
    internal static IEnumerable<ProgressLine> RunLines(IEnumerable<ComfyRun> live) => live
        .Select(run => (Run: run, Text: SafeText.Clean(run.LiveStatus))).Where(item => item.Text.Length > 0)
        .OrderByDescending(item => item.Run.PercentComplete)
        .Select(item => new ProgressLine(item.Run.RunId!, RunName.Short(item.Run), item.Text, item.Run.PercentComplete));

    private void ShowBar()
    {
        IReadOnlyList<ComfyRun> live = wait.Live;
        IEnumerable<ProgressLine> lines = RunLines(live);
        bar.Show($"Waiting for {Plural.Of(wait.Received, "run")}", ProgressBar.Percent(wait.Finished, wait.Received), Status(live),
            Extra() is { } extra ? lines.Prepend(extra) : lines);
    }

    private void WriteLines()
    {
        IReadOnlyList<ComfyRun> live = wait.Live;
        if (wait.Received <= MaxRunsWithLines)
        {
            foreach (ComfyRun run in live.Where(run => !_reported.TryGetValue(run.RunId!, out string? reported) || reported != run.Status))
            {
                _reported[run.RunId!] = run.Status;
                string position = run.QueuePosition is { } place ? $" (position {place})" : string.Empty;
                Line($"{RunName.Of(run)} {SafeText.Clean(run.Status)}{position}");
            }
        }
        else if (bar.Elapsed - _lastSummary >= SummaryPause)
        {
            _lastSummary = bar.Elapsed;
            Line(string.Join(" · ", Status(live).Select(part => part.Text).OfType<string>()));
        }
    }

    /// <summary>Such as <c>37/200 · 2 failed · 10 running · ETA 12m</c>, with the rank of each part.</summary>
    private (string? Text, int Rank)[] Status(IReadOnlyList<ComfyRun> live)
    {
        int failed = wait.Unsuccessful.Count;
        int running = live.Count(run => run.Status is not (RunStatus.NotStarted or RunStatus.Queued));
        // At least as many as run at a time: before that, the speed is not known.
        string? eta = _ended >= Math.Max(FewestEnded, running) ? bar.Eta(_ended, _ended + wait.Received - wait.Finished) : null;
        string? left = ShowsTimeLeft && wait.TimeLeft is { } time && time > TimeSpan.Zero ? $"{DurationText.About(time)} left" : null;
        string? now = running > 0 ? $"{running} running" : live.Count > 0 ? $"{live.Count} queued" : null;
        return
        [
            ($"{wait.Finished}/{wait.Received}", 0),
            (failed > 0 ? $"{failed} failed" : null, 1),
            _away is { } away ? ($"not reachable for {away.TotalSeconds:0} s", 2) : (now, 4),
            (_away is null ? eta : null, 3),
            (left, 5),
        ];
    }

    private void Line(string text) => writeLine!($"{clock.Now.ToLocalTime():HH:mm:ss} {text}");
}
