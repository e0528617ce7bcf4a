using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// Starts the runs of one call of Start-ComfyRun: checks the rows, has their runs queued, and answers for each row with an object, in the
/// order of the rows.
/// </summary>
internal sealed class RunStarter : IDisposable
{
    private static readonly TimeSpan CancelTimeout = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CompletionTimeout = TimeSpan.FromMinutes(5);

    // Rows that come more slowly than creates are answered come out one by one, without waiting for the row after them.
    private static readonly TimeSpan SlowRow = TimeSpan.FromSeconds(1);

    private readonly StartComfyRunCommand _cmdlet;
    private readonly RowInputs _rowInputs;
    private readonly RunTemplates _templates;
    private readonly RunRefusals _refusals;
    private readonly RunCreator _creator;
    private readonly StartProgress _progress;
    private readonly RunPlan _plan = new();
    private readonly Queue<StartedRow> _ready = new();
    private RunTemplate? _last;
    private DateTime? _lastRowAt;
    private int _row;
    private bool _isNamed;

    internal RunStarter(StartComfyRunCommand cmdlet, RowInputs rowInputs)
    {
        (_cmdlet, _rowInputs) = (cmdlet, rowInputs);
        _templates = new(cmdlet);
        _refusals = new(_cmdlet.HasOneDeployment);
        _creator = new(cmdlet, _refusals);
        _progress = new(cmdlet);
    }

    private OrderedWork<StartedRow> Creates => _creator.Work;

    /// <summary>Queues runs of the deployment that was piped in or named.</summary>
    internal void StartDeployment()
    {
        try
        {
            RowInputs.CheckIsDeployment(_cmdlet.Deployment);
            _last = _templates.Find(_cmdlet.Deployment);
            InputSet inputs = _rowInputs.Common();
            Check(_last.Deployment, inputs, areRows: false);
            Queue(_last, inputs, label: null);
        }
        catch (ComfyDeployException e)
        {
            _refusals.Add(e, template: null);
            RefuseDeployment(e);
        }
    }

    /// <summary>Queues the runs of one row of inputs.</summary>
    internal void StartRow(PSObject row)
    {
        _row++;
        bool isSlow = _lastRowAt is { } last && _last!.Client.Session.Clock.Now - last > SlowRow;
        RunTemplate? template = null;
        string? label = null;
        InputSet inputs = new();
        try
        {
            if (_row == 1) _rowInputs.CheckColumns(row);
            if (_cmdlet.DeploymentColumn is null) template = _templates.Find(_cmdlet.Deployment);
            inputs = _rowInputs.Common();
            label = _rowInputs.LabelOf(row);
            _rowInputs.Add(inputs, row);
            _last = template ??= _templates.Find(_rowInputs.DeploymentOf(row));
            Check(template.Deployment, inputs, areRows: true);
            Queue(template, inputs, label);
        }
        // A wrong column is wrong in every row: before the first is paid for it ends everything.
        catch (ComfyDeployException e) when (_row == 1 && IsWrongInEveryRow(e, template))
        {
            _cmdlet.ThrowTerminating(e, Target);
        }
        catch (ComfyDeployException e)
        {
            string json = inputs.ToJson();
            ComfyRun run = template?.NotQueued(e, json, label) ?? RunTemplate.NotQueued(
                _rowInputs.DeploymentNameOf(row), _cmdlet.Client.Session.Connection, e, json, label);
            _refusals.Add(e, template);
            Creates.AddResult(new(run, _row, e));
        }
        WriteRows(all: isSlow);
        _lastRowAt = _last?.Client.Session.Clock.Now;
    }

    /// <summary>Writes the rows that are left, and the last line of -WhatIf.</summary>
    internal void Finish()
    {
        WriteRows(all: true);
        _creator.EndLate();
        _creator.Dispose();
        _progress.Complete();
        _plan.WriteTo(_cmdlet);
    }

    internal ProgressLine? Uploads => _creator.Files.Line;
    internal void ShowProgress() => _progress.Update(_creator, Uploads);

    /// <summary>Reports once what refused all runs from some row on. It ends nothing: a command behind waits for the others.</summary>
    internal void ReportRefusal()
    {
        foreach (ComfyDeployException refusal in _refusals.General) _cmdlet.ReportLast(refusal, Target);
    }

    public void Dispose() => _creator.Dispose();

    /// <summary>The pipeline ends early: no create begins any more, and those under way complete, except after Ctrl+C.</summary>
    internal void Close(bool stopping)
    {
        Creates.Close();
        // After Ctrl+C only until each canceled create is in the ledger, where -ThisSession looks for its run.
        _cmdlet.WaitFor(Creates.Rest, stopping ? CancelTimeout : CompletionTimeout);
        foreach ((ComfyRun run, int row, ComfyDeployException? error) in _ready.Concat(Creates.TakeSucceeded()))
        {
            // The wait has the runs it was given; a deployment that was refused is no row.
            bool isElsewhere = error is null ? _cmdlet.Wait : row == 0 && !run.IsUnconfirmed;
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

    private object Target => (object?)_last?.Deployment ?? _cmdlet.Deployment?.Text ?? string.Empty;

    private bool IsWrongInEveryRow(ComfyDeployException error, RunTemplate? template) => _cmdlet.DeploymentColumn is null
        ? template is null || error.ErrorId is ErrorIds.UnknownInput or ErrorIds.InputRowInvalid
        : template is null && error.ErrorId is not (ErrorIds.DeploymentNotFound or ErrorIds.DeploymentAmbiguous or ErrorIds.InvalidInput);

    private void Check(ComfyDeployment deployment, InputSet inputs, bool areRows)
    {
        IReadOnlyList<ComfyDeploymentInput>? checks = _cmdlet.SkipInputCheck ? null : deployment.Inputs;
        if (checks is not null) inputs.CheckNames(checks, deployment.DeploymentName, areRows);
        _creator.Files.Find(inputs, deployment.Inputs ?? []);
        if (checks is not null) inputs.Fit(checks);
    }

    private void Queue(RunTemplate template, InputSet inputs, string? label)
    {
        label ??= inputs.Files.FirstOrDefault()?.Name;
        _creator.Begin(template);
        _progress.Begin(template.Client.Session.Clock);
        string action = RunTemplate.Action(inputs.ToJson());
        int row = _row;
        for (int copy = 0; copy < _cmdlet.Repeat; copy++)
        {
            if (_refusals.Of(template) is { } refusal)
            {
                Creates.AddResult(new(template.NotQueued(refusal, inputs.ToJson(), label), row, refusal));
            }
            else if (_cmdlet.ShouldProcess(template.Target, action))
            {
                _creator.Add(new(template, inputs, label, row, _creator.Files.Announce(inputs)));
            }
            else
            {
                _plan.Add(template);
            }
            // Until a run is queued, what refuses the first one may refuse all, and nothing else is sent.
            WriteRows(all: _creator.Queued.Count == 0);
        }
    }

    /// <summary>Writes the rows that are ready, or waits for all.</summary>
    private void WriteRows(bool all)
    {
        while (all ? !Creates.IsEmpty : Creates.HasNext || Creates.IsFull) Take();
    }

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
        }
        else if (started.Row == 0)
        {
            RefuseDeployment(started.Error);
        }
        else
        {
            EndWhenNothingIsQueued(started.Error);
            _progress.Refuse();
            if (_cmdlet.Wait) _cmdlet.AddFinished(started.Run);
            else _cmdlet.Write(started.Run);
            string message = $"Row {RunName.Row(started.Row, started.Run.Label)} was not queued: {started.Run.Error}";
            if (_refusals.IsError(started.Error)) _cmdlet.Log.Warning(message);
            else _cmdlet.Log.Verbose(message);
        }
    }

    private void RefuseDeployment(ComfyDeployException error)
    {
        EndWhenNothingIsQueued(error);
        if (!_refusals.ConcernsAll(error) && !_refusals.General.Contains(error)) _cmdlet.DeferRun(error, _cmdlet.Deployment.Text);
    }

    /// <summary>Ends the cmdlet with what fails every run; once a run may be paid for, only the rest is refused.</summary>
    private void EndWhenNothingIsQueued(ComfyDeployException error)
    {
        bool isPaid = _creator.Queued.Count > 0 || _refusals.IsOneUnconfirmed;
        if (!isPaid && _refusals.ConcernsAll(error)) _cmdlet.ThrowTerminating(error, Target);
    }
}
