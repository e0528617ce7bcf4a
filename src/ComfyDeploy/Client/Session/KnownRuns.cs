using System.Diagnostics;

namespace ComfyDeploy.Client;

/// <summary>The runs of one account this process has seen, listed or queued.</summary>
internal sealed class KnownRuns
{
    private const int MaxNewest = 200;

    private readonly Dictionary<string, long> _seen = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, RunOrigin?> _started = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, SeenRun> _newest = new(StringComparer.OrdinalIgnoreCase);
    private DateTime _newestSince = DateTime.MinValue;

    /// <summary>The runs this process queued.</summary>
    internal IReadOnlyList<string> Started
    {
        get
        {
            lock (_seen) return [.. _started.Keys];
        }
    }

    /// <summary>Remembers when runs were first seen, and how the newest were when they were seen last.</summary>
    internal void See(IEnumerable<ComfyRun> runs)
    {
        long now = Stopwatch.GetTimestamp();
        lock (_seen)
        {
            foreach (ComfyRun run in runs)
            {
                if (run.RunId is not { } id) continue;
                if (!_seen.ContainsKey(id)) _seen.Add(id, now);
                if (run.CreatedAt >= _newestSince || _newest.ContainsKey(id))
                    Keep(new(id, run.CreatedAt, run.Status, run.DeploymentId, null));
            }
        }
    }

    /// <summary>Records a run as queued by this process.</summary>
    /// <returns>False when it already was.</returns>
    internal bool Take(string runId, RunOrigin? origin)
    {
        lock (_seen)
        {
            if (_started.ContainsKey(runId)) return false;
            _started.Add(runId, origin);
            if (!_seen.ContainsKey(runId)) _seen.Add(runId, Stopwatch.GetTimestamp());
            if (!_newest.ContainsKey(runId)) Keep(new(runId, DateTime.Now, RunStatus.NotStarted, origin?.DeploymentId, null));
            return true;
        }
    }

    internal RunOrigin? OriginOf(string runId)
    {
        lock (_seen) return _started.TryGetValue(runId, out RunOrigin? origin) ? origin : null;
    }

    /// <summary>The runs that were created last, the newest first; of a long list not all.</summary>
    internal IReadOnlyList<SeenRun> Newest()
    {
        lock (_seen)
        {
            return [.. _newest.Values.OrderByDescending(run => run.CreatedAt).Take(MaxNewest)
                .Select(run => run with { Origin = OriginOf(run.RunId) })];
        }
    }

    /// <summary>Whether a run cannot belong to the create sent at <paramref name="sentAt"/>: it has an owner, or was seen before.</summary>
    internal bool IsTaken(string runId, long sentAt)
    {
        lock (_seen) return _started.ContainsKey(runId) || (_seen.TryGetValue(runId, out long seenAt) && seenAt < sentAt);
    }

    /// <summary>The full IDs that begin with these characters, at most two.</summary>
    internal IReadOnlyList<string> StartingWith(string prefix)
    {
        lock (_seen) return [.. _seen.Keys.Where(id => id.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).Take(2)];
    }

    /// <summary>A list may have 100,000 runs: only the newest are described.</summary>
    private void Keep(SeenRun run)
    {
        _newest[run.RunId] = run;
        if (_newest.Count < 2 * MaxNewest) return;
        SeenRun[] byAge = [.. _newest.Values.OrderByDescending(seen => seen.CreatedAt)];
        foreach (SeenRun old in byAge.Skip(MaxNewest)) _newest.Remove(old.RunId);
        _newestSince = byAge[MaxNewest - 1].CreatedAt ?? DateTime.MinValue;
    }
}

/// <summary>A run as it was seen last.</summary>
internal sealed record SeenRun(string RunId, DateTime? CreatedAt, string? Status, string? DeploymentId, RunOrigin? Origin);
