namespace ComfyDeploy.Emulator.Runs;

/// <summary>A run as it appears at one moment.</summary>
internal sealed class RunView
{
    private static readonly TimeSpan VirtualTimeout = TimeSpan.FromHours(24);

    public required Run Run { get; init; }

    public required string Status { get; init; }

    public DateTime? QueuedAt { get; init; }

    public DateTime? StartedAt { get; init; }

    public DateTime? EndedAt { get; init; }

    public DateTime UpdatedAt { get; init; }

    public string? LiveStatus { get; init; }

    public double Progress { get; init; }

    public IReadOnlyList<OutputRow> Outputs { get; init; } = [];

    /// <summary>Returns the run at a time. <paramref name="readAsTimeout"/> applies the service's 24-hour timeout, which is never stored.</summary>
    public static RunView At(Run run, DateTime now, bool readAsTimeout)
    {
        DateTime seen = run.ForcedAt ?? now;
        DateTime? ended = run.EndsAt <= seen ? run.EndsAt : null;
        DateTime until = ended ?? seen;
        DateTime updated = run.CreatedAt;
        string status = "not-started";
        if (run.Script.RefusedAtCreate) return new RunView { Run = run, Status = "failed", UpdatedAt = updated };
        if (run.QueuedAt <= until) (status, updated) = ("queued", run.QueuedAt!.Value);
        if (run.StartedAt <= until) (status, updated) = ("started", run.StartedAt!.Value);

        string? live = null;
        double progress = 0;
        if (run.RunningAt <= until)
        {
            (status, updated) = ("running", run.RunningAt!.Value);
            int nodes = run.Nodes.Count;
            long step = Math.Max(1, run.Script.Execution.Ticks / (nodes + 1));
            int index = (int)Math.Min(nodes - 1, (until - updated).Ticks / step);
            live = "Executing " + run.Nodes[index];
            progress = Math.Round((index + 1.0) / nodes, 2);
            updated = updated.AddTicks(index * step);
            if (run.Machine.Type == "classic" && (until - updated).Ticks > step) status = "uploading";
            if (run.Script.StuckAt == "archived") status = "archived";
        }

        if (ended is DateTime end) (status, updated) = (run.EndStatus, end);
        if (run.Frozen)
        {
            (status, updated) = (run.ForcedStatus!, run.ForcedAt!.Value);
            ended = run.ForcedEnded ? run.ForcedAt : null;
        }

        if (readAsTimeout && ended is null && !run.Frozen && now - updated > VirtualTimeout) status = "timeout";
        return new RunView
        {
            Run = run,
            Status = status,
            QueuedAt = run.QueuedAt <= until ? run.QueuedAt : null,
            StartedAt = run.StartedAt <= until ? run.StartedAt : null,
            EndedAt = ended,
            UpdatedAt = updated,
            LiveStatus = live,
            Progress = progress,
            Outputs = run.Outputs.FindAll(output => output.CreatedAt <= until),
        };
    }
}
