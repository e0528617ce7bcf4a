namespace ComfyDeploy.Client;

// The service has no idempotency key, and each run is billed: a create is sent again only when it certainly made no run. When its outcome
// is unknown (the connection broke, the answer is unreadable, a gateway timed out), the run is looked up in the list of its deployment or
// workflow instead.
internal sealed partial class ComfyDeployClient
{
    private static readonly TimeSpan AnswerTolerance = TimeSpan.FromSeconds(5);

    /// <summary>Queues one run.</summary>
    /// <returns>The new run's ID.</returns>
    internal Task<string> CreateRunAsync(CreateRequest request, CancellationToken cancellationToken) =>
        RetryAsync(
            () => CreateOnceAsync(request, cancellationToken),
            attempt => $"Queueing {request.Target.Name}: {attempt.Error!.Message} No run was made.",
            cancellationToken);

    private async Task<Attempt<string>> CreateOnceAsync(CreateRequest request, CancellationToken cancellationToken)
    {
        ListedCreates creates = session.Account.Creates.For(request.Target.ListId);
        SentCreate? sent = await BeginInTimeAsync(creates, request, cancellationToken).ConfigureAwait(false);
        if (sent is null) return new(string.Empty) { Error = Errors.NotQueuedInTime(request.Target.Name) };
        // What its caller stops (Ctrl+C) may have made a run all the same.
        CreateState state = CreateState.Unanswered;
        Attempt<CreatedRunWire> answer;
        try
        {
            Func<MemoryStream, CreatedRunWire> read = Json(WireContext.Default.CreatedRunWire);
            answer = await Sender().SendOnceAsync(request.ToMessage, read, request.Target.NotFoundId, cancellationToken)
                .ConfigureAwait(false);
            if (answer.Error is null && Guid.TryParse(answer.Value?.RunId, out _))
            {
                session.KnownRuns.Take(answer.Value!.RunId!, request.Origin);
                state = CreateState.Answered;
                return new(answer.Request) { Value = answer.Value.RunId };
            }
            state = IsDefiniteRefusal(answer) ? CreateState.Answered : CreateState.Lost;
        }
        finally
        {
            creates.End(sent, state);
        }
        if (state == CreateState.Answered) return new(answer.Request) { Error = Refusal(answer), CanRetry = MayBeSentAgain(answer) };
        return new(answer.Request) { Value = await FindLostRunAsync(creates, sent, answer.Error, cancellationToken).ConfigureAwait(false) };
    }

    /// <summary>
    /// Waits for the look-up of another create; null when the deadline passes meanwhile, since nothing is queued after it.
    /// </summary>
    private async Task<SentCreate?> BeginInTimeAsync(
        ListedCreates creates, CreateRequest request, CancellationToken cancellationToken)
    {
        bool isLate = session.Clock.Now >= Deadline;
        using CancellationTokenSource limit = isLate
            ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken)
            : LimitTo(null, cancellationToken);
        try
        {
            return await creates.BeginAsync(request, session.Clock, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Waits for the answer until shortly after the deadline: without it a paid run may be lost.</summary>
    private ComfyDeployClient Sender()
    {
        TimeSpan timeout = RequestTimeout ?? Connection.RequestTimeout;
        if (Deadline - session.Clock.Now is not { } left || left + AnswerTolerance > timeout) return this;
        TimeSpan rest = (left > TimeSpan.Zero ? left : TimeSpan.Zero) + AnswerTolerance;
        return new(session, log) { RequestTimeout = rest < timeout ? rest : timeout };
    }

    /// <summary>The service stated that it made no run, or the request never left.</summary>
    private static bool IsDefiniteRefusal(Attempt<CreatedRunWire> answer) =>
        answer.NotSent || answer.Status is (>= 300 and < 500 and not 408) or 500 or 501;

    /// <summary>What a gateway says of the key, the credits or the deployment is not known of them: the next create may pass.</summary>
    private static ComfyDeployException? Refusal(Attempt<CreatedRunWire> answer) =>
        answer.Error is { IsForeign: true, StatusCode: >= 401 and <= 404 } foreign ? Errors.RefusedOnTheWay(foreign) : answer.Error;

    /// <summary>A machine's own 429 is an error of the service: a run of it may be stored already.</summary>
    private static bool MayBeSentAgain(Attempt<CreatedRunWire> answer) =>
        answer is { CanRetry: true, NotSent: true } or { Status: 429, Error.ErrorId: ErrorIds.LimitReached };

    private async Task<string> FindLostRunAsync(
        ListedCreates creates, SentCreate lost, ComfyDeployException? reason, CancellationToken cancellationToken)
    {
        string why = reason?.Message ?? "The answer contains no run ID.";
        CreateRequest request = lost.Request;
        try
        {
            // A closed connection has no key to look with.
            if (!Connection.IsClosed)
            {
                log.Warning($"Queueing {request.Target.Name}: {why} It is not known whether a run was made; looking for it before " +
                    "queueing another.");
                await LookUpAsync(creates, lost, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            creates.Settle(lost);
        }
        if (lost.RunId is not null)
        {
            log.Verbose($"Found the run of the lost answer: {NameOf(lost.RunId, request.Origin)}.");
            return lost.RunId;
        }
        UnconfirmedRun run = request.Target.Unconfirmed(lost.SentAt - ClockTolerance);
        throw Errors.AmbiguousCreate(run, request.Target.Name, request.InputsJson, why, reason);
    }
}
