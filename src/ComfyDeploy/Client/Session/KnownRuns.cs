using System.Diagnostics;

namespace ComfyDeploy.Client;

/// <summary>The runs of one account this process has seen, listed or queued.</summary>
internal sealed class KnownRuns
{
    private readonly Dictionary<string, long> _seen = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, RunOrigin?> _started = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The runs this process queued.</summary>
    internal IReadOnlyList<string> Started
    {
        get
        {
            lock (_seen) return [.. _started.Keys];
        }
    }

    /// <summary>Remembers when a run was first seen.</summary>
    internal void See(string? runId)
    {
        if (runId is null) return;
        lock (_seen)
        {
            if (!_seen.ContainsKey(runId)) _seen.Add(runId, Stopwatch.GetTimestamp());
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
            return true;
        }
    }

    internal RunOrigin? OriginOf(string runId)
    {
        lock (_seen) return _started.TryGetValue(runId, out RunOrigin? origin) ? origin : null;
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
}
