using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>Shows how a wait goes: bars where a person looks on, a line per change where the output goes to a file.</summary>
internal sealed class WaitProgress(Cmdlet cmdlet, RunWaiter waiter, Func<(int Received, int Finished, int Unsuccessful)> count)
{
    private const int MostChildren = 5;
    private const int MostRunsWithALineEach = 10;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan SummaryPause = TimeSpan.FromMinutes(1);
    private static int _lastActivity = 7_300;

    private readonly int _activity = Interlocked.Add(ref _lastActivity, MostChildren + 1);
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Dictionary<string, string?> _told = [];
    private TimeSpan _lastShown;
    private TimeSpan _lastSummary;
    private int _childrenShown;
    private bool _shown;

    /// <summary>Shows the state of now, at most four times a second, and nothing for a short wait.</summary>
    internal void Update()
    {
        TimeSpan now = _watch.Elapsed;
        if (now < Quiet || now - _lastShown < Pause) return;
        _lastShown = now;
        if (Console.IsOutputRedirected) WriteLines(now);
        else WriteBars();
    }

    /// <summary>Tells how a run ended, where lines are written: each of a few, of many the ones that did not succeed.</summary>
    internal void Ended(ComfyRun run)
    {
        if (!Console.IsOutputRedirected || run.RunId is null || _watch.Elapsed < Quiet || (count().Received > MostRunsWithALineEach && run.IsSuccess)) return;
        string time = run.RunSeconds is { } seconds ? $" {(int)seconds} s" : string.Empty;
        string detail = run.Error is not null ? $", {SafeText.Clean(run.Error)}" : run.IsSuccess ? $", {Plural.Of(run.OutputCount, "output")}" : string.Empty;
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
        (int received, int finished, _) = count();
        IReadOnlyList<ComfyRun> live = waiter.Live;
        cmdlet.WriteProgress(new(_activity, $"Waiting for {Plural.Of(received, "run")}", Summary(live))
        {
            PercentComplete = received == 0 ? 0 : finished * 100 / received,
        });
        _shown = true;

        ComfyRun[] nearest = [.. live.Where(run => run.LiveStatus is not null).OrderByDescending(run => run.PercentComplete).Take(MostChildren)];
        for (int i = 0; i < nearest.Length; i++)
        {
            ComfyRun run = nearest[i];
            string name = $"{run.RunId!.Substring(0, 8)} {SafeText.Clean(run.DeploymentName)}".TrimEnd();
            cmdlet.WriteProgress(new(_activity + 1 + i, name, SafeText.Clean(run.LiveStatus)) { ParentActivityId = _activity, PercentComplete = run.PercentComplete ?? -1 });
        }
        for (int i = nearest.Length; i < _childrenShown; i++) Close(_activity + 1 + i);
        _childrenShown = nearest.Length;
    }

    private void WriteLines(TimeSpan now)
    {
        (int received, _, _) = count();
        IReadOnlyList<ComfyRun> live = waiter.Live;
        if (received <= MostRunsWithALineEach)
        {
            foreach (ComfyRun run in live.Where(run => !_told.TryGetValue(run.RunId!, out string? told) || told != run.Status))
            {
                _told[run.RunId!] = run.Status;
                Line($"{run.RunId} {SafeText.Clean(run.Status)}{(run.QueuePosition is { } position ? $" (position {position})" : string.Empty)}");
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
        (_, int finished, int unsuccessful) = count();
        int waiting = live.Count(run => run.Status is RunStatus.NotStarted or RunStatus.Queued);
        string left = waiter.Left is { } time && time > TimeSpan.Zero ? $" · {Clock(time)} left" : string.Empty;
        return $"{finished} done ({finished - unsuccessful} ok, {unsuccessful} failed) · {live.Count - waiting} running · {waiting} queued{left}";
    }

    private static string Clock(TimeSpan time) =>
        string.Format(CultureInfo.InvariantCulture, "{0}:{1:00}:{2:00}", (int)time.TotalHours, time.Minutes, time.Seconds);

    private void Line(string text) => cmdlet.WriteInformation($"{DateTime.Now:HH:mm:ss} {text}", ["ComfyRun", "PSHOST"]);

    private void Close(int activity) => cmdlet.WriteProgress(new(activity, "Waiting", "Done") { RecordType = ProgressRecordType.Completed });
}
