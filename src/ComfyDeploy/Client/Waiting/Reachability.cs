namespace ComfyDeploy.Client;

/// <summary>
/// What one wait knows about the service behind one connection: since when it gives no answer, and since when it refuses the key.
/// </summary>
internal sealed class Reachability(ApiSession session, ICallLog log)
{
    private static readonly TimeSpan OutageAfter = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RefusedAfter = TimeSpan.FromMinutes(2);

    private readonly Throttle _throttle = new();
    private readonly object _gate = new();
    private int _runs;
    private DateTime? _awaySince;
    private DateTime? _refusedSince;
    private ComfyDeployException? _lastFailure;
    private bool _isOutage;

    /// <summary>Why runs of this account failed.</summary>
    internal FailureReasons Reasons { get; } = new(new(session, log), log);

    /// <summary>When the service last answered, UTC.</summary>
    internal DateTime LastAnswer { get; private set; }

    /// <summary>Whether every request has been refused for so long that the key must be taken for a rejected one.</summary>
    internal bool RefusesKey
    {
        get
        {
            lock (_gate) return Now - _refusedSince >= RefusedAfter;
        }
    }

    private DateTime Now => session.Clock.Now;

    /// <summary>Counts a run that needs the service from now on.</summary>
    internal void Join()
    {
        lock (_gate) _runs++;
    }

    /// <summary>Counts a run that no longer needs the service; without any, nobody is there to notice an outage or its end.</summary>
    internal void Leave()
    {
        lock (_gate)
        {
            if (--_runs > 0) return;
            _awaySince = null;
            _isOutage = false;
        }
    }

    /// <summary>
    /// Sends a request when a slot is free. Whatever it throws, however odd, is a failure of this request and of nothing else.
    /// </summary>
    /// <param name="what">The request, for messages.</param>
    /// <param name="send">Sends it.</param>
    /// <param name="limit">Ends the request with an exception.</param>
    internal async Task<(T? Value, ComfyDeployException? Failure)> AskAsync<T>(string what, Func<Task<T>> send, CancellationToken limit)
    {
        Task<T> answer = _throttle.RunAsync(
            () =>
            {
                Asked();
                return send();
            },
            limit);
        await Task.WhenAny(answer).ConfigureAwait(false);
        if (answer.Status == TaskStatus.RanToCompletion)
        {
            Answered();
            return (await answer.ConfigureAwait(false), null);
        }
        limit.ThrowIfCancellationRequested();
        Exception? cause = answer.Exception?.InnerException;
        ComfyDeployException failure = cause as ComfyDeployException
            ?? new(ErrorIds.ServiceError, $"The answer to {what} cannot be read.", cause);
        if (RunAbsence.IsStatedBy(failure)) Answered();
        else Failed(failure);
        return (default, failure);
    }

    /// <summary>Takes note of the answer to a request that another wait has sent for this one, too.</summary>
    internal void Observe(ComfyDeployException? failure)
    {
        if (failure is null)
        {
            Answered();
            return;
        }
        Asked();
        Failed(failure);
    }

    /// <summary>Warns when an outage has begun.</summary>
    /// <returns>How long the service has been away; null while it can be reached.</returns>
    internal TimeSpan? CheckOutage()
    {
        lock (_gate)
        {
            if (Now - _awaySince is not { } time || time <= OutageAfter) return null;
            if (!_isOutage)
            {
                _isOutage = true;
                string message = $"{Name} has not been reachable for {time.TotalSeconds:0} s; the wait goes on. {_lastFailure?.Message}";
                log.Warning(message.TrimEnd());
            }
            return time;
        }
    }

    private string Name => $"The service at {session.Connection.BaseUri.Host}";

    private void Asked()
    {
        lock (_gate) _awaySince ??= Now;
        CheckOutage();
    }

    private void Answered()
    {
        lock (_gate)
        {
            LastAnswer = Now;
            if (_isOutage) log.Warning($"{Name} is reachable again, after {(Now - _awaySince)?.TotalSeconds:0} s.");
            _awaySince = _refusedSince = null;
            _isOutage = false;
            _lastFailure = null;
        }
    }

    private void Failed(ComfyDeployException failure)
    {
        lock (_gate)
        {
            _lastFailure = failure;
            if (failure.StatusCode is 401 or 403) _refusedSince ??= Now;
            else _refusedSince = null;
        }
        CheckOutage();
    }
}
