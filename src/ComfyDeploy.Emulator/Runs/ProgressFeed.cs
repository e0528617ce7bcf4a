using ComfyDeploy.Emulator.Service;

namespace ComfyDeploy.Emulator.Runs;

/// <summary>What is published of a run at one moment.</summary>
/// <param name="At">When, UTC.</param>
/// <param name="Run">The run.</param>
/// <param name="Status">Its new status, or <c>input</c> and <c>output</c>, which are no states; null for a cancel.</param>
internal sealed record ProgressEvent(DateTime At, Run Run, string? Status)
{
    public bool EndsRun => Status is "success" or "failed" or "timeout" or "cancelled";
}

/// <summary>
/// The events of runs from now on, oldest first. What happened before is not repeated, and the progress of nodes is not published.
/// </summary>
internal sealed class ProgressFeed
{
    private const int Complete = int.MaxValue;

    private readonly Account _account;
    private readonly Func<Run, bool> _isIncluded;

    /// <summary>How many events of a run are published. A count, because several happen at one moment of a clock that stands still.</summary>
    private readonly Dictionary<Guid, int> _published = [];

    public ProgressFeed(Account account, Func<Run, bool> isIncluded)
    {
        (_account, _isIncluded) = (account, isIncluded);
        Read();
    }

    /// <summary>The events since the last call.</summary>
    public IReadOnlyList<ProgressEvent> Read()
    {
        lock (_account.Gate)
        {
            DateTime now = _account.Now;
            return _account.Runs.Where(_isIncluded).SelectMany(run => NewEventsOf(run, now)).OrderBy(change => change.At).ToArray();
        }
    }

    /// <summary>When the next event is due, as far as it is known: a run that waits for a slot has no schedule yet.</summary>
    public DateTime? NextDue()
    {
        lock (_account.Gate)
        {
            DateTime now = _account.Now;
            IEnumerable<Run> runs = _account.Runs.Where(run => !(run.EndsAt <= now) && _isIncluded(run));
            IEnumerable<DateTime> due = runs.SelectMany(EventsOf).Select(change => change.At).Concat(runs.Select(run => run.CreatedAt + run.Script.Queue));
            return due.Where(time => time > now).Select(time => (DateTime?)time).Min();
        }
    }

    private ProgressEvent[] NewEventsOf(Run run, DateTime now)
    {
        _published.TryGetValue(run.Id, out int published);
        if (published == Complete) return [];
        ProgressEvent[] happened = EventsOf(run).Where(change => change.At <= now).ToArray();
        _published[run.Id] = run.EndsAt <= now ? Complete : happened.Length;
        return happened.Skip(published).ToArray();
    }

    private static IEnumerable<ProgressEvent> EventsOf(Run run) => run.ForcedAt is DateTime forced
        ? ScheduleOf(run).Where(change => change.At <= forced).Append(new(forced, run, run.ForcedStatus))
        : ScheduleOf(run);

    private static IEnumerable<ProgressEvent> ScheduleOf(Run run)
    {
        yield return new(run.CreatedAt, run, "input");
        if (run.QueuedAt is DateTime queued) yield return new(queued, run, "queued");
        if (run.StartedAt is DateTime started) yield return new(started, run, "started");
        if (run.RunningAt is DateTime running) yield return new(running, run, "running");
        foreach (OutputRow output in run.Outputs) yield return new(output.CreatedAt, run, "output");
        if (run.EndsAt is DateTime ended) yield return new(ended, run, run.CancelledByRequest ? null : run.EndStatus);
    }
}
