namespace ComfyDeploy.Client;

/// <summary>What all waits on one connection share: the lists of workflows, what they announce, and how long runs take.</summary>
internal sealed class RunPoller(ApiSession session)
{
    // Each takes one of the connection's sockets.
    private const int MaxDoorbells = 4;

    private readonly Dictionary<string, WorkflowPoll> _workflows = new(StringComparer.OrdinalIgnoreCase);
    private int _doorbells;

    internal ApiSession Session => session;

    internal RunTimes Times { get; } = new();

    internal WorkflowPoll Join(string workflowId, PolledRun run)
    {
        lock (_workflows)
        {
            if (!_workflows.TryGetValue(workflowId, out WorkflowPoll? poll)) _workflows.Add(workflowId, poll = new(this, workflowId));
            poll.Add(run);
            return poll;
        }
    }

    /// <summary>Ends what nobody waits for any more.</summary>
    internal void Leave(WorkflowPoll poll, PolledRun run)
    {
        lock (_workflows)
        {
            if (!poll.Remove(run)) return;
            _workflows.Remove(poll.WorkflowId);
        }
        poll.Dispose();
    }

    /// <returns>Null when there are enough.</returns>
    internal Doorbell? OpenDoorbell(WorkflowPoll poll, ICallLog log)
    {
        if (Interlocked.Increment(ref _doorbells) <= MaxDoorbells) return new(session, poll, CloseDoorbell, log);
        CloseDoorbell();
        return null;
    }

    private void CloseDoorbell() => Interlocked.Decrement(ref _doorbells);
}
