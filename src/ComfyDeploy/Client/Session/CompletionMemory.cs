using System.Runtime.CompilerServices;

namespace ComfyDeploy.Client;

/// <summary>What argument completion knows of a connection besides its deployments, and when it may send a request.</summary>
internal sealed class CompletionMemory
{
    internal const string Workflows = "workflows";
    internal const string Machines = "machines";

    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);
    private static readonly ConditionalWeakTable<ApiSession, CompletionMemory> Memories = new();

    private readonly Dictionary<string, DateTime> _next = [];
    private volatile string[] _workflowNames = [];
    private volatile string[] _machineNames = [];
    private DateTime _nextOfAny;

    internal IReadOnlyList<string> WorkflowNames => _workflowNames;

    internal IReadOnlyList<string> MachineNames => _machineNames;

    internal static CompletionMemory Of(ApiSession session) => Memories.GetOrCreateValue(session);

    /// <summary>
    /// Whether a list may be requested now: not within a minute after the last time, whatever came of it, and not while all requests pause.
    /// </summary>
    internal bool MayRequest(string list, DateTime now)
    {
        lock (_next)
        {
            if (now < _nextOfAny || (_next.TryGetValue(list, out DateTime next) && now < next)) return false;
            _next[list] = now + Pause;
            return true;
        }
    }

    /// <summary>The service does not answer: a second key press must not wait for it, whatever it completes.</summary>
    internal void PauseAll(DateTime now)
    {
        lock (_next) _nextOfAny = now + Pause;
    }

    internal void SetWorkflows(IEnumerable<ComfyWorkflow> workflows, DateTime now)
    {
        lock (_next) _next[Workflows] = now + Pause;
        _workflowNames = [.. workflows.Select(workflow => workflow.Name).OfType<string>()];
    }

    internal void SetMachines(IEnumerable<string?> names, DateTime now)
    {
        lock (_next) _next[Machines] = now + Pause;
        _machineNames = [.. names.OfType<string>()];
    }
}
