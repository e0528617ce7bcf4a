using System.Diagnostics;

namespace ComfyDeploy.Client;

/// <summary>The creates under way on one connection, by deployment.</summary>
internal sealed class CreateLedger
{
    private readonly Dictionary<string, DeploymentCreates> _byDeployment = [];

    internal DeploymentCreates For(string deploymentId)
    {
        lock (_byDeployment)
        {
            if (!_byDeployment.TryGetValue(deploymentId, out DeploymentCreates? creates)) _byDeployment.Add(deploymentId, creates = new());
            return creates;
        }
    }
}

/// <summary>
/// Creates of one deployment: many may be sent at the same time, but while a lost one is looked up nothing else is sent and all others are
/// answered, so that a run found in that time can only belong to a lost one.
/// </summary>
internal sealed class DeploymentCreates
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly List<LostCreate> _lost = [];
    private int _sending;
    private TaskCompletionSource<bool>? _idle;

    /// <summary>Waits while a look-up is under way, then counts as being sent until <see cref="Answered"/>.</summary>
    internal async Task BeginAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (_lost) _sending++;
        _gate.Release();
    }

    /// <summary>The create is answered, or lost.</summary>
    internal void Answered(LostCreate? lost = null)
    {
        lock (_lost)
        {
            if (lost is not null) _lost.Add(lost);
            if (--_sending == 0) _idle?.TrySetResult(true);
        }
    }

    /// <summary>Reserves the deployment for a look-up: when it returns, nothing is being sent, until <see cref="ExitLookup"/>.</summary>
    internal async Task EnterLookupAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Task idle;
            lock (_lost)
            {
                _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
                if (_sending == 0) _idle.SetResult(true);
                idle = _idle.Task;
            }
            using (cancellationToken.Register(() => _idle.TrySetCanceled())) await idle.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _gate.Release();
            throw;
        }
    }

    internal void ExitLookup() => _gate.Release();

    /// <summary>The lost creates with the same inputs, this one included, oldest first.</summary>
    internal IReadOnlyList<LostCreate> TwinsOf(LostCreate lost)
    {
        lock (_lost)
        {
            return [.. _lost.Where(other => !other.IsDecided && InputComparison.AreSame(other.Request.InputsJson, lost.Request.InputsJson))
                .OrderBy(other => other.SentTicks)];
        }
    }

    internal void Forget(LostCreate lost)
    {
        lock (_lost) _lost.Remove(lost);
    }
}

/// <summary>A create that was sent and never clearly answered.</summary>
internal sealed class LostCreate(CreateRequest request, DateTime sentAt)
{
    internal CreateRequest Request { get; } = request;

    /// <summary>UTC, by the local clock.</summary>
    internal DateTime SentAt { get; } = sentAt;

    internal long SentTicks { get; } = Stopwatch.GetTimestamp();

    /// <summary>The run it made, once found.</summary>
    internal string? RunId { get; set; }

    internal bool IsDecided { get; set; }
}
