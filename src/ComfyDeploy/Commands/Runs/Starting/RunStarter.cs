using System.Collections.Concurrent;
using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>
/// Queues the runs of one call of Start-ComfyRun, several at a time, and answers for each row with an object, in the order of the rows.
/// </summary>
internal sealed class RunStarter(StartComfyRunCommand cmdlet, RowInputs rowInputs)
{
    private static readonly TimeSpan MaxDeadline = TimeSpan.FromDays(365);
    private static readonly TimeSpan CancelTimeout = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CompletionTimeout = TimeSpan.FromMinutes(5);

    // Rows that come more slowly than creates are answered come out one by one, without waiting for the row after them.
    private static readonly TimeSpan SlowRow = TimeSpan.FromSeconds(1);

    private readonly RunTemplates _templates = new(cmdlet);
    private readonly FileInputs _files = new(cmdlet.FileSystemPathOrNull, !cmdlet.SkipInputCheck, cmdlet.Timeout, cmdlet.Log);
    private readonly RunPlan _plan = new();
    private readonly StartProgress _progress = new(cmdlet);
    private readonly OrderedWork<StartedRow> _creates = new(maxAhead: 2 * Throttle.DefaultLimit); // Each may hold an image.
    private readonly Queue<StartedRow> _ready = new();
    private readonly ConcurrentQueue<string> _queued = new();
    private readonly RunRefusals _refusals = new(cmdlet.HasOneDeployment);
    private RunTemplate? _last;
    private DateTime? _endsAt;
    private DateTime? _lastRowAt;
    private int _row;
    private bool _isNamed;

    /// <summary>Queues runs of the deployment that was piped in or named.</summary>
    internal void StartDeployment()
    {
        try
        {
            RowInputs.CheckIsDeployment(cmdlet.Deployment);
            _last = _templates.Find(cmdlet.Deployment);
            InputSet inputs = rowInputs.Common();
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
            if (_row == 1) rowInputs.CheckColumns(row);
            if (cmdlet.DeploymentColumn is null) template = _templates.Find(cmdlet.Deployment);
            inputs = rowInputs.Common();
            label = rowInputs.LabelOf(row);
            rowInputs.Add(inputs, row);
            _last = template ??= _templates.Find(rowInputs.DeploymentOf(row));
            Check(template.Deployment, inputs, areRows: true);
            Queue(template, inputs, label);
        }
        // A wrong column is wrong in every row: before the first is paid for it ends everything.
        catch (ComfyDeployException e) when (_row == 1 && IsWrongInEveryRow(e, template))
        {
            cmdlet.ThrowTerminating(e, Target);
        }
        catch (ComfyDeployException e)
        {
            string json = inputs.ToJson();
            ComfyRun run = template?.NotQueued(e, json, label)
                ?? RunTemplate.NotQueued(rowInputs.DeploymentNameOf(row), cmdlet.Client.Session.Connection, e, json, label);
            _refusals.Add(e, template);
            _creates.AddResult(new(run, _row, e));
        }
        WriteRows(all: isSlow);
        _lastRowAt = _last?.Client.Session.Clock.Now;
    }

    /// <summary>Writes the rows that are left, and the last line of -WhatIf.</summary>
    internal void Finish()
    {
        WriteRows(all: true);
        _progress.Complete();
        _plan.WriteTo(cmdlet);
    }

    internal ProgressLine? Uploads => _files.Line;
    internal void ShowProgress() => _progress.Update(_queued.Count, Uploads);

    /// <summary>Reports once what refused all runs from some row on. It ends nothing: a command behind waits for the others.</summary>
    internal void ReportRefusal()
    {
        foreach (ComfyDeployException refusal in _refusals.General) cmdlet.ReportLast(refusal, Target);
    }

    /// <summary>The pipeline ends early: no create begins any more, and those under way complete, except after Ctrl+C.</summary>
    internal void Close(bool stopping)
    {
        _creates.Close();
        // After Ctrl+C only until each canceled create is in the ledger, where -ThisSession looks for its run.
        cmdlet.WaitFor(_creates.Rest, stopping ? CancelTimeout : CompletionTimeout);
        foreach ((ComfyRun run, int row, ComfyDeployException? error) in _ready.Concat(_creates.TakeSucceeded()))
        {
            // The wait has the runs it was given; a deployment that was refused is no row.
            bool isElsewhere = error is null ? cmdlet.Wait : row == 0 && !run.IsUnconfirmed;
            if (!isElsewhere) cmdlet.Keep(run);
        }
        _ready.Clear();
    }

    /// <summary>Names the queued runs when this cmdlet ends the pipeline: a command behind it may not come to write them.</summary>
    internal void NameQueued()
    {
        if (_queued.IsEmpty || _isNamed) return;
        _isNamed = true;
        cmdlet.WriteWarning($"Queued before this command ended: {string.Join(", ", _queued)}. To see them: Get-ComfyRun -ThisSession");
    }

    private object Target => (object?)_last?.Deployment ?? cmdlet.Deployment?.Text ?? string.Empty;

    private bool IsWrongInEveryRow(ComfyDeployException error, RunTemplate? template) => cmdlet.DeploymentColumn is null
        ? template is null || error.ErrorId is ErrorIds.UnknownInput or ErrorIds.InputRowInvalid
        : template is null && error.ErrorId is not (ErrorIds.DeploymentNotFound or ErrorIds.DeploymentAmbiguous or ErrorIds.InvalidInput);

    private void Check(ComfyDeployment deployment, InputSet inputs, bool areRows)
    {
        IReadOnlyList<ComfyDeploymentInput>? checks = cmdlet.SkipInputCheck ? null : deployment.Inputs;
        if (checks is not null) inputs.CheckNames(checks, deployment.DeploymentName, areRows);
        _files.Find(inputs, deployment.Inputs ?? []);
        if (checks is not null) inputs.Fit(checks);
    }

    private void Queue(RunTemplate template, InputSet inputs, string? label)
    {
        IClock clock = template.Client.Session.Clock;
        label ??= inputs.Files.FirstOrDefault()?.Name;
        if (cmdlet.Wait)
        {
            template.Client.Deadline = _endsAt ??= clock.Now + (cmdlet.Timeout < MaxDeadline ? cmdlet.Timeout : MaxDeadline);
            cmdlet.BeginWait(template.Client.Session);
        }
        _progress.Begin(clock);
        string action = RunTemplate.Action(inputs.ToJson());
        int row = _row;
        for (int copy = 0; copy < cmdlet.Repeat; copy++)
        {
            if (_refusals.Of(template) is { } refusal)
            {
                _creates.AddResult(new(template.NotQueued(refusal, inputs.ToJson(), label), row, refusal));
            }
            else if (cmdlet.ShouldProcess(template.Target, action))
            {
                IReadOnlyList<Action<long>> progress = _files.Announce(inputs);
                _creates.Add(cancellationToken => QueueAsync(template, inputs, progress, label, row, cancellationToken), cmdlet.Stop);
            }
            else
            {
                _plan.Add(template);
            }
            // Until a run is queued, what refuses the first one may refuse all, and nothing else is sent.
            WriteRows(all: _queued.IsEmpty);
        }
    }

    private async Task<StartedRow> QueueAsync(
        RunTemplate template, InputSet inputs, IReadOnlyList<Action<long>> progress, string? label, int row,
        CancellationToken cancellationToken)
    {
        ComfyDeployClient client = template.Client;
        string json = inputs.ToJson();
        try
        {
            if (_refusals.Of(template) is { } known) return new(template.NotQueued(known, json, label), row, known);
            inputs = await _files.UploadAsync(inputs, progress, client, _endsAt, _creates.Closed, cancellationToken).ConfigureAwait(false);
            if (!_queued.IsEmpty && client.Session.Clock.Now > _endsAt) _refusals.AddForAll(Errors.QueuedTooLate(cmdlet.Timeout));
            if (_refusals.Of(template) is { } refusal) return new(template.NotQueued(refusal, json, label), row, refusal);
            json = inputs.ToJson();
            DateTime sentAt = client.Session.Clock.Now.ToLocalTime();
            string runId = await client.CreateRunAsync(template.ToRequest(json, label), cancellationToken).ConfigureAwait(false);
            _queued.Enqueue(runId);
            ComfyRun run = template.Queued(runId, json, label, sentAt);
            if (cmdlet.Wait) cmdlet.AddToWait(new(runId, client, run, RunOrigin.Of(run)));
            cmdlet.Log.Verbose($"Queued run {RunName.Of(run)} of {template.Deployment.DeploymentName}.");
            return new(run, row, null);
        }
        catch (ComfyDeployException e)
        {
            _refusals.Add(e, template);
            return new(template.NotQueued(e, json, label), row, e);
        }
    }

    /// <summary>Writes the rows that are ready, or waits for all.</summary>
    private void WriteRows(bool all)
    {
        while (all ? !_creates.IsEmpty : _creates.HasNext || _creates.IsFull) Take();
    }

    private void Take()
    {
        foreach (StartedRow started in cmdlet.Take(_creates)) _ready.Enqueue(started);
        while (_ready.Count > 0) Write(_ready.Dequeue());
    }

    private void Write(StartedRow started)
    {
        if (started.Error is null)
        {
            if (!cmdlet.Wait) cmdlet.Write(started.Run);
        }
        else if (started.Row == 0)
        {
            RefuseDeployment(started.Error);
        }
        else
        {
            EndWhenNothingIsQueued(started.Error);
            _progress.Refuse();
            if (cmdlet.Wait) cmdlet.AddFinished(started.Run);
            else cmdlet.Write(started.Run);
            cmdlet.Log.Warning($"Row {RunName.Row(started.Row, started.Run.Label)} was not queued: {started.Run.Error}");
        }
    }

    private void RefuseDeployment(ComfyDeployException error)
    {
        EndWhenNothingIsQueued(error);
        if (!_refusals.ConcernsAll(error) && !_refusals.General.Contains(error)) cmdlet.DeferRun(error, cmdlet.Deployment.Text);
    }

    /// <summary>Ends the cmdlet with what fails every run; once a run may be paid for, only the rest is refused.</summary>
    private void EndWhenNothingIsQueued(ComfyDeployException error)
    {
        if (_queued.IsEmpty && !_refusals.IsOneUnconfirmed && _refusals.ConcernsAll(error)) cmdlet.ThrowTerminating(error, Target);
    }

    /// <summary>A row and its run, or what kept it from being queued.</summary>
    /// <param name="Run">The run, queued or not.</param>
    /// <param name="Row">The number of the row; 0 for a deployment without rows.</param>
    /// <param name="Error">Why it was not queued.</param>
    private sealed record StartedRow(ComfyRun Run, int Row, ComfyDeployException? Error);
}
