using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>Shows the progress of a wait: bars on a console, a line per change where output is redirected.</summary>
internal sealed class WaitProgress(ComfyDeployCommand cmdlet, RunWait wait, IClock clock)
{
    private const int MaxChildren = 5;
    private const int MaxRunsWithLines = 10;
    private static readonly TimeSpan SilentTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan SummaryPause = TimeSpan.FromMinutes(1);
    private static int _lastActivity = 7_300;

    private readonly int _activity = Interlocked.Add(ref _lastActivity, MaxChildren + 1);
    private readonly DateTime _began = clock.Now;
    private readonly Dictionary<string, string?> _reported = [];
    private TimeSpan _lastShown;
    private TimeSpan _lastSummary;
    private TimeSpan? _away;
    private int _childrenShown;
    private bool _shown;

    /// <summary>Whether there is a console that can show bars.</summary>
    internal static bool IsShown => !Console.IsOutputRedirected;

    private TimeSpan Elapsed => clock.Now - _began;

    /// <summary>Shows the current state, at most four times a second, and nothing for a short wait.</summary>
    internal void Update()
    {
        TimeSpan now = Elapsed;
        if (now < SilentTime || now - _lastShown < Pause || cmdlet.Preferences.EndPipeline("Progress")) return;
        _lastShown = now;
        _away = wait.CheckOutage();
        if (Console.IsOutputRedirected) WriteLines(now);
        else WriteBars();
    }

    /// <summary>Writes how a run ended, where lines are written: every run of a few, and of many those that did not succeed.</summary>
    internal void Ended(ComfyRun run)
    {
        if (!Console.IsOutputRedirected || run.RunId is null || Elapsed < SilentTime
            || (wait.Received > MaxRunsWithLines && run.IsSuccess))
        {
            return;
        }
        string time = run.RunSeconds is { } seconds ? $" {Math.Floor(seconds).ToString(CultureInfo.InvariantCulture)} s" : string.Empty;
        string detail = run.Error is not null ? $", {SafeText.Clean(run.Error)}"
            : run is { IsSuccess: true, OutputCount: { } count } ? $", {Plural.Of(count, "output")}"
            : string.Empty;
        Line($"{run.RunId} {SafeText.Clean(run.Status)}{time}{detail}");
    }

    internal void Complete()
    {
        if (!_shown) return;
        for (int child = 0; child < _childrenShown; child++) Close(_activity + 1 + child);
        Close(_activity);
        _shown = false;
    }

    private void WriteBars()
    {
        IReadOnlyList<ComfyRun> live = wait.Live;
        cmdlet.WriteProgress(new(_activity, $"Waiting for {Plural.Of(wait.Received, "run")}", Summary(live))
        {
            PercentComplete = wait.Received == 0 ? 0 : wait.Finished * 100 / wait.Received,
        });
        _shown = true;

        IReadOnlyList<ProgressRecord> bars = RunBars(live, _activity);
        foreach (ProgressRecord bar in bars) cmdlet.WriteProgress(bar);
        for (int i = bars.Count; i < _childrenShown; i++) Close(_activity + 1 + i);
        _childrenShown = bars.Count;
    }

    /// <summary>The bars of the runs nearest their end. A bar must have a text, so a run that says nothing has none.</summary>
    internal static IReadOnlyList<ProgressRecord> RunBars(IEnumerable<ComfyRun> live, int parent) =>
        [.. live.Where(run => SafeText.Clean(run.LiveStatus).Length > 0).OrderByDescending(run => run.PercentComplete).Take(MaxChildren)
            .Select((run, index) => new ProgressRecord(
                parent + 1 + index,
                $"{run.RunId!.Substring(0, 8)} {SafeText.Clean(run.DeploymentName)}".TrimEnd(),
                SafeText.Clean(run.LiveStatus))
            {
                ParentActivityId = parent,
                PercentComplete = run.PercentComplete ?? -1,
            })];

    private void WriteLines(TimeSpan now)
    {
        IReadOnlyList<ComfyRun> live = wait.Live;
        if (wait.Received <= MaxRunsWithLines)
        {
            foreach (ComfyRun run in live.Where(run => !_reported.TryGetValue(run.RunId!, out string? reported) || reported != run.Status))
            {
                _reported[run.RunId!] = run.Status;
                string position = run.QueuePosition is { } place ? $" (position {place})" : string.Empty;
                Line($"{run.RunId} {SafeText.Clean(run.Status)}{position}");
            }
        }
        else if (now - _lastSummary >= SummaryPause)
        {
            _lastSummary = now;
            Line(Summary(live));
        }
    }

    /// <summary>Such as <c>37 done (35 ok, 2 failed) · 10 running · 153 queued · 1:48:12 left</c>.</summary>
    private string Summary(IReadOnlyList<ComfyRun> live)
    {
        int unsuccessful = wait.Unsuccessful.Count;
        int waiting = live.Count(run => run.Status is RunStatus.NotStarted or RunStatus.Queued);
        string left = wait.TimeLeft is { } time && time > TimeSpan.Zero ? $" · {Clock(time)} left" : string.Empty;
        string away = _away is { } gone ? $" · not reachable for {gone.TotalSeconds:0} s" : string.Empty;
        return $"{wait.Finished} done ({wait.Finished - unsuccessful} ok, {unsuccessful} failed) · {live.Count - waiting} running · " +
            $"{waiting} queued{away}{left}";
    }

    private static string Clock(TimeSpan time) =>
        string.Format(CultureInfo.InvariantCulture, "{0}:{1:00}:{2:00}", (int)time.TotalHours, time.Minutes, time.Seconds);

    // For those who ask for it with -InformationAction: standard output belongs to the objects.
    private void Line(string text) => cmdlet.Log.Information($"{clock.Now.ToLocalTime():HH:mm:ss} {text}");

    private void Close(int activity) =>
        cmdlet.WriteProgress(new(activity, "Waiting", "Done") { RecordType = ProgressRecordType.Completed });
}
