namespace ComfyDeploy.Client;

/// <summary>
/// Limits how many runs of a batch are unfinished at the same time. A run takes a slot before it is queued, and gives it back when it has
/// finished, whoever else waits for it.
/// </summary>
/// <param name="count">How many slots there are.</param>
/// <param name="waiter">Waits for the runs in the slots.</param>
/// <param name="log">Receives what is seen of them.</param>
internal sealed class RunSlots(int count, RunWaiter waiter, ICallLog log) : IDisposable
{
    private readonly Queue<TaskCompletionSource<bool>> _waiting = new();
    private readonly List<Task> _watches = [];
    private int _taken;

    /// <summary>How many slots are taken: more than there are when runs of an earlier call still go on.</summary>
    internal int Taken => Volatile.Read(ref _taken);

    public void Dispose() => waiter.Dispose();

    /// <summary>Waits for a slot and takes it; first come, first served.</summary>
    internal async Task EnterAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource<bool> turn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_waiting)
        {
            _waiting.Enqueue(turn);
            Admit();
        }
        using (cancellationToken.Register(() => turn.TrySetCanceled())) await turn.Task.ConfigureAwait(false);
    }

    /// <summary>Gives back a slot whose run was not queued.</summary>
    internal void Leave()
    {
        lock (_waiting)
        {
            _taken--;
            Admit();
        }
    }

    /// <summary>Gives back the slot of a run once it has finished.</summary>
    internal void LeaveAfter(WaitTarget run)
    {
        // Its status is all that matters: a list says it, without a request for the run.
        WaitTarget target = run with { Client = new(run.Client.Session, log) { MaxRetries = 0 }, StatusSuffices = true };
        lock (_waiting)
        {
            waiter.Add(target);
            _watches.Add(LeaveAfterNextAsync());
        }
    }

    /// <summary>Takes a slot for a run that goes on already, whether or not one is free.</summary>
    internal void Occupy(WaitTarget run)
    {
        lock (_waiting) _taken++;
        LeaveAfter(run);
    }

    /// <summary>Completes when all runs have left their slots: finished, or canceled after the deadline.</summary>
    internal Task DrainAsync()
    {
        lock (_waiting) return Task.WhenAll(_watches);
    }

    private void Admit()
    {
        while (_taken < count && _waiting.Count > 0)
        {
            if (_waiting.Dequeue().TrySetResult(true)) _taken++;
        }
    }

    private async Task LeaveAfterNextAsync()
    {
        // For each run that was added, one comes out, in whatever order.
        Task<WaitOutcome?> next = waiter.NextAsync(CancellationToken.None);
        await Task.WhenAny(next).ConfigureAwait(false);
        // One that is only late goes on; so does one whose wait was stopped.
        if (next.Status == TaskStatus.RanToCompletion && next.GetAwaiter().GetResult() is { IsLate: false }) Leave();
    }
}
