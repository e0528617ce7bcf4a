namespace ComfyDeploy.Client;

/// <summary>The creates of one account whose run is not known, by the list that has their runs.</summary>
internal sealed class CreateLedger
{
    private readonly Dictionary<string, ListedCreates> _byList = [];

    /// <summary>Those of the lists with creates whose answer never arrived.</summary>
    internal IReadOnlyList<ListedCreates> Unanswered
    {
        get
        {
            lock (_byList) return [.. _byList.Values.Where(creates => creates.Unanswered.Count > 0)];
        }
    }

    internal ListedCreates For(string listId)
    {
        lock (_byList)
        {
            if (!_byList.TryGetValue(listId, out ListedCreates? creates)) _byList.Add(listId, creates = new());
            return creates;
        }
    }
}

/// <summary>
/// Creates of one deployment, or of one workflow without a deployment: many may be sent at the same time, but while lost ones are looked up
/// nothing else is sent and all others are answered, so that a run found in that time can only belong to a lost one.
/// </summary>
internal sealed class ListedCreates
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly List<SentCreate> _open = [];
    private TaskCompletionSource<bool>? _idle;

    /// <summary>Those that somebody waits for, oldest first.</summary>
    internal IReadOnlyList<SentCreate> Lost => In(CreateState.Lost);

    /// <summary>The creates that no caller waits for, oldest first.</summary>
    internal IReadOnlyList<SentCreate> Unanswered => In(CreateState.Unanswered);

    /// <summary>Waits while a look-up is under way, then counts a create as being sent until <see cref="End"/>.</summary>
    internal async Task<SentCreate> BeginAsync(CreateRequest request, IClock clock, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            SentCreate sent = new(request, clock.Now);
            lock (_open) _open.Add(sent);
            return sent;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The create is no longer being sent.</summary>
    internal void End(SentCreate sent, CreateState state)
    {
        lock (_open)
        {
            Set(sent, state);
            if (!IsSending) _idle?.TrySetResult(true);
        }
    }

    /// <summary>The look-up of a lost create is over, with or without a run.</summary>
    internal void Settle(SentCreate lost)
    {
        lock (_open) Set(lost, lost.RunId is null ? CreateState.Unanswered : CreateState.Answered);
    }

    /// <summary>Reserves the list for a look-up: when it returns, nothing is being sent, until <see cref="ExitLookup"/>.</summary>
    internal async Task EnterLookupAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Task idle;
            lock (_open)
            {
                _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
                if (!IsSending) _idle.SetResult(true);
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

    private bool IsSending => _open.Exists(create => create.State == CreateState.Sending);

    private void Set(SentCreate create, CreateState state)
    {
        create.State = state;
        if (state == CreateState.Answered) _open.Remove(create);
        if (state == CreateState.Unanswered) create.Shrink();
    }

    private SentCreate[] In(CreateState state)
    {
        lock (_open) return [.. _open.Where(create => create.State == state).OrderBy(create => create.SentTicks)];
    }
}
