using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>A cmdlet that can wait for runs: all together, under one deadline, each written when it has finished.</summary>
public abstract class WaitingCommand : ConnectedCommand
{
    private const int ParallelCancels = 8;

    private readonly Dictionary<ApiSession, FailureReasons> _reasons = [];
    private readonly Dictionary<string, int> _given = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _order = [];
    private readonly Dictionary<string, ComfyRun> _held = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<WaitOutcome> _late = [];
    private readonly List<WaitOutcome> _lost = [];
    private readonly List<ComfyRun> _unsuccessful = [];
    private readonly HashSet<string> _cancelled = new(StringComparer.OrdinalIgnoreCase);
    private int _refused;
    private RunWaiter? _waiter;
    private WaitProgress? _progress;
    private int _received;
    private int _finished;
    private int _nextInOrder;

    /// <summary>How long the whole set may take.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Cancel what is not finished in time.</summary>
    [Parameter]
    public SwitchParameter StopOnTimeout { get; set; }

    private protected virtual bool KeepOrder => false;

    private protected virtual bool ReadErrorDetail => true;

    private protected virtual bool FailOnFailure => false;

    /// <summary>How many finished runs are enough; null for all.</summary>
    private protected virtual int? Enough => null;

    private bool HasEnough => _finished >= Enough;

    private protected override void OnTick() => _progress?.Update();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _waiter?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Begins to wait for a run, if it was not given before.</summary>
    private protected void AddToWait(ComfyRun run, ComfyDeployClient client)
    {
        if (run.RunId is null) Finish(run);
        else AddToWait(new WaitTarget(run.RunId, client, run, RunOrigin.Of(run)));
    }

    private protected void AddToWait(WaitTarget target)
    {
        if (_given.ContainsKey(target.RunId)) return;
        _given.Add(target.RunId, _given.Count);
        _waiter ??= new(Timeout, target.Client.Session.Clock, Log, Stop);
        _progress ??= new(this, _waiter, () => (_received, _finished, _unsuccessful.Count));
        _received++;
        _order.Add(target.RunId);
        // A waiter comes back anyway, so that a look that failed is not tried again at once.
        _waiter.Add(target with { Client = new(target.Client.Session, Log) { MaxRetries = 0 } });
    }

    /// <summary>Passes on what has no run to wait for, such as a row that was not queued.</summary>
    private protected void Finish(ComfyRun run)
    {
        _received++;
        string place = run.RunId ?? $"row {_received}";
        _order.Add(place);
        Write(place, run);
        WriteHeld();
    }

    /// <summary>Writes what has finished by now, without waiting.</summary>
    private protected void WriteFinished()
    {
        WriteQueued();
        if (_waiter is { Ready: > 0 }) TakeBatch();
        _progress?.Update();
    }

    /// <summary>Waits for the rest, then tells what did not go well: one error for each kind, last.</summary>
    private protected void FinishWait()
    {
        try
        {
            while (!HasEnough && TakeBatch()) _progress!.Update();
            if (!HasEnough && _late.Count > 0)
            {
                _late.Sort((one, other) => _given[one.Target.RunId].CompareTo(_given[other.Target.RunId]));
                if (StopOnTimeout) Await(CancelLateAsync);
                foreach (WaitOutcome late in _late) WriteObject(late.Run);
            }
        }
        finally
        {
            _progress?.Complete();
        }
        if (!HasEnough) WriteErrors();
        if (FailOnFailure) ThrowOnUnsuccessful();
    }

    /// <summary>Keeps an error until all work is done: under a preference of Stop the first one ends the pipeline.</summary>
    private protected void DeferRun(ComfyDeployException error, object? target)
    {
        _received++;
        _refused++;
        Defer(error, target);
    }

    /// <summary>Writes the runs that are not decided yet, as they are: before an error ends it all, so that what is paid for is not lost.</summary>
    private protected void WritePending()
    {
        if (_waiter is null) return;
        foreach (ComfyRun run in _held.Values.Concat(_waiter.Live)) WriteObject(run);
        _progress?.Complete();
    }

    /// <summary>Takes the next decided run and all that are decided with it.</summary>
    private bool TakeBatch()
    {
        if (_waiter is null) return false;
        List<WaitOutcome> batch = [];
        try
        {
            // No more than are ready now: of many that end in a row the first must not wait for the last.
            int size = Math.Max(1, _waiter.Ready);
            while (batch.Count < size && Await(_waiter.NextAsync) is { } outcome) batch.Add(outcome);
            ReadReasons(batch);
        }
        catch (ComfyDeployException e)
        {
            // A rejected key, a closed connection: no run can be looked at any more.
            foreach (WaitOutcome outcome in batch) Handle(outcome);
            WritePending();
            ThrowTerminating(e, _given.Keys.ToArray());
        }
        foreach (WaitOutcome outcome in batch) Handle(outcome);
        return batch.Count > 0;
    }

    private void ReadReasons(List<WaitOutcome> batch)
    {
        if (!ReadErrorDetail) return;
        foreach (IGrouping<ApiSession, WaitOutcome> account in batch.Where(o => o.End == WaitEnd.Finished).GroupBy(o => o.Target.Client.Session))
        {
            if (!_reasons.TryGetValue(account.Key, out FailureReasons? reasons)) _reasons.Add(account.Key, reasons = new(new(account.Key, Log), Log));
            Await(stop => reasons.FillAsync(account.Select(o => o.Run!), stop));
        }
    }

    private void Handle(WaitOutcome outcome)
    {
        switch (outcome.End)
        {
            case WaitEnd.Finished: Write(outcome.Target.RunId, outcome.Run!); break;
            case WaitEnd.TimedOut: _late.Add(outcome); break;
            default:
                _lost.Add(outcome);
                if (outcome.Run is not null) WriteObject(outcome.Run);
                break;
        }
        if (outcome.End != WaitEnd.Finished) _order.Remove(outcome.Target.RunId);
        WriteHeld();
    }

    private void Write(string place, ComfyRun run)
    {
        if (KeepOrder) _held[place] = run;
        else Emit(run);
    }

    private void WriteHeld()
    {
        while (KeepOrder && _nextInOrder < _order.Count && _held.TryGetValue(_order[_nextInOrder], out ComfyRun? run))
        {
            _nextInOrder++;
            Emit(run);
        }
    }

    private void Emit(ComfyRun run)
    {
        if (HasEnough) return;
        _finished++;
        if (!run.IsSuccess) _unsuccessful.Add(run);
        _progress?.Ended(run);
        WriteObject(run);
    }

    private async Task CancelLateAsync(CancellationToken stop)
    {
        using SemaphoreSlim slots = new(ParallelCancels);
        await Task.WhenAll(Enumerable.Range(0, _late.Count).Select(async i =>
        {
            await slots.WaitAsync(stop).ConfigureAwait(false);
            WaitTarget target = _late[i].Target;
            ComfyDeployClient client = new(target.Client.Session, Log);
            try
            {
                await client.CancelRunAsync(target.RunId, stop).ConfigureAwait(false);
                lock (_cancelled) _cancelled.Add(target.RunId);
                ComfyRun run = await client.GetRunAsync(target.RunId, target.Origin, stop).ConfigureAwait(false);
                _late[i] = _late[i] with { Run = run };
            }
            catch (ComfyDeployException e)
            {
                Log.Warning($"Run {target.RunId} could not be {(_cancelled.Contains(target.RunId) ? "looked at after it was cancelled" : "cancelled")}: {e.Message}");
            }
            finally
            {
                slots.Release();
            }
        })).ConfigureAwait(false);
    }

    private void WriteErrors()
    {
        ReportDeferred();
        if (_late.Count > 0) WriteError(ErrorRecords.Create(TimeoutError(), _late.Select(o => o.Run).ToArray()));
        foreach (IGrouping<WaitEnd, WaitOutcome> kind in _lost.GroupBy(o => o.End))
        {
            string id = kind.Key == WaitEnd.NotFound ? ErrorIds.RunNotFound : ErrorIds.PollFailed;
            string[] runIds = [.. kind.Select(o => o.Target.RunId)];
            string said = kind.First().Error?.Message ?? string.Empty;
            string message = kind.Key == WaitEnd.NotFound
                ? $"Not found on connection '{kind.First().Target.Client.Session.Connection.Name}': {string.Join(", ", runIds)}. {said}"
                : $"Could not be looked at any more, and may go on: {string.Join(", ", runIds)}. {said} Later: {Pipe(runIds, "Wait-ComfyRun")}";
            WriteError(ErrorRecords.Create(new(id, message, kind.First().Error), runIds));
        }
    }

    private void ThrowOnUnsuccessful()
    {
        if (_received == 0) ThrowTerminating(new(ErrorIds.NoRuns, "No run came in, so that nothing succeeded."), null);
        ComfyRun[] failed = HasEnough ? [.. _unsuccessful] : [.. _unsuccessful, .. _late.Select(o => o.Run!)];
        int count = HasEnough ? failed.Length : failed.Length + _lost.Count + _refused;
        if (count == 0) return;
        string reasons = string.Join("; ", failed.Take(5).Select(run => $"{run} {SafeText.Clean(run.Status)}{(run.Error is null ? string.Empty : $" ({SafeText.Clean(run.Error)})")}"));
        ThrowTerminating(new(ErrorIds.RunFailed, $"{count} of {Plural.Of(_received, "run")} did not succeed: {reasons}{(failed.Length > 5 ? "; …" : string.Empty)}"), failed);
    }

    private ComfyDeployException TimeoutError()
    {
        string[] all = [.. _late.Select(o => o.Target.RunId)];
        string[] running = [.. _late.Where(o => !o.Run!.IsFinished && !_cancelled.Contains(o.Target.RunId)).Select(o => o.Target.RunId)];
        string fate = running.Length switch
        {
            0 => $"Cancelled: {string.Join(", ", all)}.",
            _ when StopOnTimeout => $"Not cancelled, and billed on: {string.Join(", ", running)}.",
            _ => $"What is not finished goes on and is billed. To stop it: {Pipe(running, "Stop-ComfyRun")}. To wait on: {Pipe(running, "Wait-ComfyRun")}.",
        };
        return new(ErrorIds.WaitTimeout, $"{all.Length} of {Plural.Of(_received, "run")} did not finish within {Timeout:g}. {fate}");
    }

    private static string Pipe(string[] runIds, string command) => $"{string.Join(",", runIds.Select(id => $"'{id}'"))} | {command}";
}
