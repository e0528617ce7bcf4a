namespace ComfyDeploy.Client;

/// <summary>How long such a run takes, by the account's own history.</summary>
/// <param name="Start">From creation until it starts, for the fastest tenth: who is behind others waits longer.</param>
/// <param name="Early">From its start until its end, for the fastest tenth.</param>
/// <param name="Late">The same for all but the slowest tenth.</param>
internal sealed record ExpectedTimes(TimeSpan Start, TimeSpan Early, TimeSpan Late);

/// <summary>The times of the runs of one account that succeeded lately, by deployment, or by workflow where they have none.</summary>
internal sealed class RunTimes
{
    // Whatever a service claims, nobody waits longer for one run.
    private const double MaxSeconds = 24 * 60 * 60;

    private readonly Dictionary<string, Samples> _samples = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _read = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether the history of a workflow was read.</summary>
    internal bool HasRead(string workflowId)
    {
        lock (_samples) return _read.Contains(workflowId);
    }

    /// <summary>Takes what a list of a workflow tells.</summary>
    internal void Read(string workflowId, IEnumerable<ComfyRun> rows)
    {
        lock (_samples) _read.Add(workflowId);
        foreach (ComfyRun row in rows) Add(row);
    }

    internal void Add(ComfyRun run)
    {
        if (run is not { IsSuccess: true, RunSeconds: >= 0 and < MaxSeconds and var seconds }) return;
        if ((run.QueueSeconds ?? 0) + (run.ColdStartSeconds ?? 0) is not (>= 0 and < MaxSeconds and var start)) return;
        lock (_samples)
        {
            foreach (string key in KeysOf(run))
            {
                if (!_samples.TryGetValue(key, out Samples? samples)) _samples.Add(key, samples = new());
                samples.Add(start, seconds);
            }
        }
    }

    /// <summary>By its deployment, else by its workflow.</summary>
    /// <returns>Null when too few are known.</returns>
    internal ExpectedTimes? For(ComfyRun run)
    {
        lock (_samples)
        {
            return KeysOf(run).Select(key => _samples.TryGetValue(key, out Samples? samples) ? samples.Expected : null)
                .FirstOrDefault(expected => expected is not null);
        }
    }

    private static IEnumerable<string> KeysOf(ComfyRun run)
    {
        if (run.DeploymentId is { } deployment) yield return deployment;
        if (run.WorkflowId is { } workflow) yield return workflow;
    }

    private sealed class Samples
    {
        private const int Min = 3;
        private const int Max = 50;
        private const double Outer = 0.1;

        private readonly Queue<(double Start, double Run)> _times = new();

        internal ExpectedTimes? Expected { get; private set; }

        internal void Add(double start, double run)
        {
            _times.Enqueue((start, run));
            if (_times.Count > Max) _times.Dequeue();
            if (_times.Count < Min) return;
            double[] starts = [.. _times.Select(time => time.Start).OrderBy(seconds => seconds)];
            double[] runs = [.. _times.Select(time => time.Run).OrderBy(seconds => seconds)];
            Expected = new(At(starts, Outer), At(runs, Outer), At(runs, 1 - Outer));
        }

        private static TimeSpan At(double[] sorted, double share) =>
            TimeSpan.FromSeconds(sorted[(int)Math.Round((sorted.Length - 1) * share)]);
    }
}
