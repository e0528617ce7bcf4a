using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// Starts the runs of one call: checks their inputs, has them queued, and answers for each row with an object, in the order of the rows.
/// </summary>
internal sealed class RunStarter : IDisposable
{
    private static readonly TimeSpan CancelTimeout = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CompletionTimeout = TimeSpan.FromMinutes(5);

    private readonly StartingCommand _cmdlet;
    private readonly RunRefusals _refusals;
    private readonly RunCreator _creator;
    private readonly BatchManifest? _manifest;
    private readonly StartProgress _progress;
    private readonly RunPlan _plan = new();
    private readonly Queue<StartedRow> _ready = new();
    private object? _target;
    private bool _isNamed;

    /// <param name="cmdlet">Writes the objects.</param>
    /// <param name="isOneTarget">Whether all rows are for the same deployment, version or graph.</param>
    internal RunStarter(StartingCommand cmdlet, bool isOneTarget)
    {
        _cmdlet = cmdlet;
        _refusals = new(isOneTarget);
        _manifest = cmdlet.ManifestPath is { } path ? new(cmdlet, path) : null;
        _creator = new(cmdlet, _refusals, _manifest);
        _progress = new(cmdlet);
    }

    private OrderedWork<StartedRow> Creates => _creator.Work;

    private bool IsAnyPaid => _creator.HasRuns || _refusals.IsOneUnconfirmed;

    /// <summary>Checks the inputs of a run, and finds the files among them.</summary>
    /// <exception cref="ComfyDeployException">What is wrong with the inputs.</exception>
    internal void Check(RunSubject subject, InputSet inputs, bool areRows)
    {
        _target = subject.Source;
        IReadOnlyList<ComfyDeploymentInput>? checks = _cmdlet.SkipInputCheck ? null : subject.Inputs;
        if (checks is not null) InputNames.Check(inputs.Names, checks, subject.Name, areRows);
        _creator.Files.Find(inputs, subject.Inputs ?? []);
        if (checks is not null) inputs.Fit(checks);
    }

    /// <summary>Queues the runs of one row.</summary>
    /// <param name="template">What to run.</param>
    /// <param name="inputs">The inputs, checked.</param>
    /// <param name="label">The label.</param>
    /// <param name="row">The number of the row; 0 for a run without one.</param>
    /// <param name="copies">How many runs.</param>
    internal void Queue(RunTemplate template, InputSet inputs, string? label, int row, int copies)
    {
        label ??= inputs.Files.FirstOrDefault()?.Name;
        _creator.Begin(template);
        _progress.Begin(template.Client.Session.Clock);
        string action = RunTemplate.Action(inputs.ToJson());
        for (int copy = 0; copy < copies; copy++)
        {
            ManifestEntry? entry = null;
            if (_manifest?.Find(template, inputs, label, row, out entry) is { } known)
            {
                Pass(known, template.Client);
            }
            else if (_refusals.Of(template) is { } refusal)
            {
                Creates.AddResult(new(template.NotQueued(refusal, inputs.ToJson(), label, entry), row, refusal));
            }
            else if (_cmdlet.ShouldProcess(template.Target, action))
            {
                _creator.Add(new(template, inputs, label, row, _creator.Files.Announce(inputs), entry));
            }
            else
            {
                _plan.Add(template);
            }
            // Until a run is queued, what refuses the first one may refuse all, and nothing else is sent.
            WriteRows(all: _creator.Queued.Count == 0);
        }
    }

    /// <summary>Passes on a row that is not queued again; a preview has no runs.</summary>
    private void Pass(StartedRow known, ComfyDeployClient client)
    {
        if (_cmdlet.IsWhatIf) return;
        if (known.Error is null) _creator.Adopt(known.Run, client);
        Creates.AddResult(known);
    }

    /// <summary>Passes on a row that cannot be queued.</summary>
    /// <param name="run">The row as it comes out.</param>
    /// <param name="row">Its number.</param>
    /// <param name="error">Why.</param>
    /// <param name="template">What was to run; null while that is not known.</param>
    internal void Refuse(ComfyRun run, int row, ComfyDeployException error, RunTemplate? template)
    {
        _refusals.Add(error, template);
        PassOn(run, row, error);
    }

    /// <summary>Passes on a row that is refused like others before it.</summary>
    internal void PassOn(ComfyRun run, int row, ComfyDeployException refusal) => Creates.AddResult(new(run, row, refusal));

    /// <summary>Reports what keeps the runs without a row from being queued.</summary>
    internal void RefuseOne(ComfyDeployException error) => RefuseOne(error, _cmdlet.TargetText);

    /// <summary>Reports what keeps a run from being queued, of which nothing else is known.</summary>
    internal void RefuseOne(ComfyDeployException error, string target)
    {
        _refusals.Add(error, template: null);
        ReportOne(error, target);
    }

    /// <summary>What refuses every run of an account from now on.</summary>
    internal ComfyDeployException? RefusalOf(ApiSession session) => _refusals.Of(session.Account);

    /// <summary>Whether a run was queued, may have been queued, or would be queued.</summary>
    internal bool IsAnyQueued => IsAnyPaid || !_plan.IsEmpty;

    /// <summary>Writes the rows that are ready, or waits for all.</summary>
    internal void WriteRows(bool all)
    {
        // With slots, rows are read ahead before any is written, so that a slow command behind leaves no slot empty.
        while (all ? !Creates.IsEmpty : Creates.IsFull || (Creates.HasNext && _cmdlet.MaxInFlight is null)) Take();
    }

    /// <summary>Writes the rows that are left, and the last line of -WhatIf.</summary>
    internal void Finish()
    {
        WriteRows(all: true);
        _creator.EndLate();
        _creator.Dispose();
        _progress.Complete();
        _manifest?.WriteSummary();
        _plan.WriteTo(_cmdlet);
    }

    internal ProgressLine? Uploads => _creator.Files.Line;
    internal void ShowProgress() => _progress.Update(_creator, Uploads);

    /// <summary>Reports once what refused all runs from some row on. It ends nothing: a command behind waits for the others.</summary>
    internal void ReportRefusal()
    {
        foreach (ComfyDeployException refusal in _refusals.General) _cmdlet.ReportLast(refusal, Target);
    }

    public void Dispose()
    {
        _creator.Dispose();
        _manifest?.Dispose();
    }

    /// <summary>The pipeline ends early: no create begins any more, and those under way complete, except after Ctrl+C.</summary>
    internal void Close(bool stopping)
    {
        Creates.Close();
        // After Ctrl+C only until each canceled create is in the ledger, where -ThisSession looks for its run.
        _cmdlet.WaitFor(Creates.Rest, stopping ? CancelTimeout : CompletionTimeout);
        foreach ((ComfyRun run, int row, ComfyDeployException? error) in _ready.Concat(Creates.TakeSucceeded()))
        {
            // The wait has the runs it was given; a deployment that was refused is no row.
            bool isElsewhere = error is null ? _cmdlet.Wait && !run.IsFinished : row == 0 && !run.IsUnconfirmed;
            if (!isElsewhere) _cmdlet.Keep(run);
        }
        _ready.Clear();
    }

    /// <summary>Names the queued runs when this cmdlet ends the pipeline: a command behind it may not come to write them.</summary>
    internal void NameQueued()
    {
        if (_creator.Queued.Count == 0 || _isNamed) return;
        _isNamed = true;
        string runIds = string.Join(", ", _creator.Queued);
        _cmdlet.WriteWarning($"Queued before this command ended: {runIds}. To see them: Get-ComfyRun -ThisSession");
    }

    /// <summary>The target of an error that concerns more than one row.</summary>
    internal object Target => _target ?? _cmdlet.TargetText;

    private void Take()
    {
        foreach (StartedRow started in _cmdlet.Take(Creates)) _ready.Enqueue(started);
        while (_ready.Count > 0) Write(_ready.Dequeue());
    }

    private void Write(StartedRow started)
    {
        if (started.Error is null)
        {
            if (!_cmdlet.Wait) _cmdlet.Write(started.Run);
            else if (started.Run.IsFinished) _cmdlet.AddFinished(started.Run);
        }
        else if (started.Row == 0)
        {
            ReportOne(started.Error, _cmdlet.TargetText);
        }
        else
        {
            EndWhenNothingIsQueued(started.Error);
            _progress.Refuse();
            if (_cmdlet.Wait) _cmdlet.AddFinished(started.Run);
            else _cmdlet.Write(started.Run);
            if (_refusals.IsError(started.Error)) _cmdlet.ReportRefused(started);
            else _cmdlet.Log.Verbose(started.Refusal);
        }
    }

    private void ReportOne(ComfyDeployException error, string target)
    {
        EndWhenNothingIsQueued(error);
        if (!_refusals.ConcernsAll(error) && !_refusals.General.Contains(error)) _cmdlet.DeferRun(error, target);
    }

    /// <summary>Ends the cmdlet with what fails every run; once a run may be paid for, only the rest is refused.</summary>
    private void EndWhenNothingIsQueued(ComfyDeployException error)
    {
        if (!IsAnyPaid && _refusals.ConcernsAll(error)) _cmdlet.ThrowTerminating(error, Target);
    }
}
