using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>
/// A progress bar with lines below it. It shows nothing for the first second, changes at most four times a second, and its text fits a
/// terminal of 80 columns, where PowerShell would cut it.
/// </summary>
/// <param name="write">Writes a record.</param>
/// <param name="clock">Time.</param>
internal sealed class ProgressBar(Action<ProgressRecord> write, IClock clock)
{
    internal const int MaxLines = 5;

    // What the Minimal view shows at 80 columns: "activity [status]", indented by 2 below another bar. The Classic view has more room.
    private const int Room = 73;
    private const int LineRoom = Room - 2;
    private const int MaxActivity = 38;

    private static readonly TimeSpan SilentTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FirstEstimate = TimeSpan.FromSeconds(3);
    private static int _lastActivity = 7_300;

    private readonly int _activity = Interlocked.Add(ref _lastActivity, MaxLines + 1);
    private readonly DateTime _began = clock.Now;
    private string[] _lines = [];
    private TimeSpan _lastShown;
    private bool _isShown;
    private bool _isComplete;

    internal TimeSpan Elapsed => clock.Now - _began;

    /// <summary>Whether the work takes so long that it is worth a text.</summary>
    internal bool IsLong => Elapsed >= SilentTime;

    /// <summary>Whether it is time for a change: at most four times a second, not for short work, and not after the end.</summary>
    internal bool TakeTurn()
    {
        TimeSpan now = Elapsed;
        if (_isComplete || !IsLong || now - _lastShown < Pause) return false;
        _lastShown = now;
        return true;
    }

    /// <summary>Shows the bar as it is now.</summary>
    /// <param name="activity">What is done.</param>
    /// <param name="percent">How much of it; null when that is not known.</param>
    /// <param name="parts">The parts of the status, or null, and their ranks: what has no room is left out, the highest rank first.</param>
    /// <param name="lines">What is under way, below the bar.</param>
    internal void Show(string activity, int? percent, (string? Text, int Rank)[] parts, IEnumerable<ProgressLine>? lines = null)
    {
        activity = CellText.Fit(activity, MaxActivity);
        Write(_activity, -1, activity, Join(parts, Room - CellText.Width(activity)), percent);
        _isShown = true;
        ProgressLine[] shown = [.. (lines ?? []).Take(MaxLines)];
        for (int i = 0; i < shown.Length; i++)
        {
            string name = CellText.Fit(shown[i].Activity, MaxActivity);
            string status = CellText.Fit(shown[i].Status, LineRoom - CellText.Width(name));
            Write(_activity + 1 + i, _activity, name, status, shown[i].Percent);
        }
        for (int i = shown.Length; i < _lines.Length; i++) Close(_activity + 1 + i);
        _lines = [.. shown.Select(line => line.Key)];
    }

    /// <summary>Removes the line of something that has ended, before the next change.</summary>
    internal void CloseLine(string key)
    {
        int i = Array.IndexOf(_lines, key);
        if (i < 0) return;
        Close(_activity + 1 + i);
        _lines[i] = string.Empty;
    }

    /// <summary>Removes the bar and its lines.</summary>
    internal void Complete()
    {
        _isComplete = true;
        if (!_isShown) return;
        for (int i = 0; i < _lines.Length; i++) Close(_activity + 1 + i);
        Close(_activity);
        _lines = [];
        _isShown = false;
    }

    /// <summary>The rest of the work at the speed so far, such as <c>ETA 12m</c>; null before the speed is known.</summary>
    internal string? Eta(double done, double total)
    {
        TimeSpan elapsed = Elapsed;
        if (elapsed < FirstEstimate || done <= 0 || done >= total) return null;
        double seconds = elapsed.TotalSeconds * (total - done) / done;
        return seconds < TimeSpan.FromDays(30).TotalSeconds ? $"ETA {DurationText.About(TimeSpan.FromSeconds(seconds))}" : null;
    }

    internal static int? Percent(double done, double total) => total > 0 ? (int)(Math.Min(done, total) * 100 / total) : null;

    private static string Join((string? Text, int Rank)[] parts, int room)
    {
        List<(string? Text, int Rank)> left = [.. parts.Where(part => part.Text is not null)];
        while (left.Count > 1 && Text().Length > room) left.Remove(left.OrderByDescending(part => part.Rank).First());
        return CellText.Fit(Text(), room);

        string Text() => string.Join(" · ", left.Select(part => part.Text));
    }

    private void Write(int activity, int parent, string name, string status, int? percent) =>
        write(new(activity, name, status) { ParentActivityId = parent, PercentComplete = percent ?? -1 });

    private void Close(int activity) => write(new(activity, "Done", "Done") { RecordType = ProgressRecordType.Completed });
}

/// <summary>A line below a bar. Neither text may be empty.</summary>
/// <param name="Key">What it is about.</param>
/// <param name="Activity">Its name.</param>
/// <param name="Status">What it does.</param>
/// <param name="Percent">How far it is; null when that is not known.</param>
internal sealed record ProgressLine(string Key, string Activity, string Status, int? Percent);
