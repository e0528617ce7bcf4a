using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>Queues the runs of one call of Start-ComfyRun, and answers for each row with an object.</summary>
internal sealed class RunStarter(StartComfyRunCommand cmdlet, RowInputs rowInputs)
{
    private static readonly TimeSpan MaxDeadline = TimeSpan.FromDays(365);

    private readonly RunPlan _plan = new();
    private readonly List<string> _queued = [];
    private RunTemplate? _rowTemplate;
    private ComfyDeployException? _refusal;
    private DateTime? _endsAt;
    private int _row;

    /// <summary>Queues runs of the deployment that was piped in or named.</summary>
    internal void StartDeployment()
    {
        try
        {
            if (cmdlet.Deployment.Property(nameof(ComfyRun.RunId)) is not null) throw RowInputs.RunIsNotARow();
            RunTemplate template = FindTemplate();
            InputSet inputs = rowInputs.Common();
            Check(template.Deployment, inputs, areRows: false);
            Queue(template, inputs, label: null, RefuseDeployment);
        }
        catch (ComfyDeployException e)
        {
            RefuseDeployment(e);
        }
    }

    /// <summary>Queues the runs of one row of inputs.</summary>
    internal void StartRow(PSObject row)
    {
        _row++;
        string? label = null;
        InputSet inputs = new();
        try
        {
            // The connection may be closed, or opened again, between two rows.
            _rowTemplate = _rowTemplate is null ? FindTemplate()
                : _rowTemplate with { Client = cmdlet.ClientOf(_rowTemplate.Deployment.Connection) };
            inputs = rowInputs.Common();
            rowInputs.Add(inputs, row, out label);
            Check(_rowTemplate.Deployment, inputs, areRows: true);
            Queue(_rowTemplate, inputs, label, error => RefuseRow(error, inputs, label));
        }
        // A wrong column is wrong in every row: before the first is paid for it ends everything.
        catch (ComfyDeployException e)
            when (_rowTemplate is null || (_row == 1 && e.ErrorId is ErrorIds.UnknownInput or ErrorIds.InputRowInvalid))
        {
            cmdlet.ThrowTerminating(e, (object?)_rowTemplate?.Deployment ?? cmdlet.Deployment.Text);
        }
        catch (ComfyDeployException e)
        {
            RefuseRow(e, inputs, label);
        }
    }

    /// <summary>The last line of -WhatIf: how many runs, and what a second of them costs.</summary>
    internal void WritePlan()
    {
        // A run that the user declined is in the plan too, but is not worth a line.
        if (_plan.IsEmpty || !cmdlet.IsWhatIf) return;
        string text = _plan.Describe(cmdlet.Await(stop => cmdlet.Client.GetGpuPricesAsync(stop)));
        cmdlet.WriteInformation(new HostInformationMessage { Message = $"What if: {text}" }, ["PSHOST", "ComfyRun"]);
    }

    /// <summary>Reports once what refused all runs from some row on. It ends nothing: a command behind waits for the others.</summary>
    internal void ReportRefusal()
    {
        if (_refusal is not null) cmdlet.ReportLast(_refusal, (object?)_rowTemplate?.Deployment ?? cmdlet.Deployment.Text);
    }

    /// <summary>Names the queued runs when this cmdlet ends the pipeline: a command behind it may not come to write them.</summary>
    internal void NameQueued()
    {
        if (_queued.Count == 0) return;
        string runIds = string.Join(", ", _queued);
        _queued.Clear();
        cmdlet.WriteWarning($"Queued before this command ended: {runIds}. To see them: Get-ComfyRun -ThisSession");
    }

    private RunTemplate FindTemplate()
    {
        ComfyDeployClient client = cmdlet.ClientOf(cmdlet.Deployment.Object<ComfyDeployment>()?.Connection);
        ComfyDeployment deployment = cmdlet.Await(cancellationToken =>
            DeploymentLookup.FindOneAsync(client, cmdlet.Deployment, cmdlet.Environment, cancellationToken));
        string? gpu = cmdlet.Gpu;
        if (gpu is not null && deployment.Gpu is { } pinned && !string.Equals(pinned, gpu, StringComparison.OrdinalIgnoreCase))
        {
            cmdlet.Log.Warning($"{deployment.DeploymentName} is fixed to {pinned}; the service ignores -Gpu {gpu}.");
        }
        return new(deployment, client, gpu, cmdlet.Webhook, cmdlet.WebhookIntermediateStatus);
    }

    private void Check(ComfyDeployment deployment, InputSet inputs, bool areRows)
    {
        IReadOnlyList<ComfyDeploymentInput>? definitions = cmdlet.SkipInputCheck ? null : deployment.Inputs;
        if (definitions is not null)
        {
            inputs.CheckNames(definitions, deployment.DeploymentName, areRows);
            inputs.Fit(definitions);
        }
        FileInputs.Check(inputs.Values, definitions ?? []);
    }

    private void Queue(RunTemplate template, InputSet inputs, string? label, Action<ComfyDeployException> refuse)
    {
        ComfyDeployClient client = template.Client;
        IClock clock = client.Session.Clock;
        if (cmdlet.Wait) client.Deadline = _endsAt ??= clock.Now + (cmdlet.Timeout < MaxDeadline ? cmdlet.Timeout : MaxDeadline);
        string json = JsonText.Write(inputs.Values);
        for (int copy = 0; copy < cmdlet.Repeat; copy++)
        {
            if (_refusal is null && _queued.Count > 0 && clock.Now > _endsAt) _refusal = Errors.QueuedTooLate(cmdlet.Timeout);
            if (_refusal is not null)
            {
                refuse(_refusal);
                continue;
            }
            if (!cmdlet.ShouldProcess(template.Target, RunTemplate.Action(json)))
            {
                _plan.Add(template.Gpu);
                continue;
            }
            try
            {
                DateTime sentAt = clock.Now.ToLocalTime();
                string runId = cmdlet.Await(cancellationToken => client.CreateRunAsync(template.ToRequest(json, label), cancellationToken));
                _queued.Add(runId);
                Emit(template.Queued(runId, json, label, sentAt), client);
                cmdlet.Log.Verbose($"Queued run {runId} of {template.Deployment.DeploymentName}.");
            }
            catch (ComfyDeployException e)
            {
                refuse(e);
            }
        }
    }

    private void RefuseDeployment(ComfyDeployException error)
    {
        RefuseRest(error, error.ErrorId != ErrorIds.DeploymentNotFound && FailsEveryRun(error));
        if (error != _refusal) cmdlet.DeferRun(error, cmdlet.Deployment.Text);
    }

    private void RefuseRow(ComfyDeployException error, InputSet inputs, string? label)
    {
        RefuseRest(error, FailsEveryRun(error));
        ComfyRun run = _rowTemplate!.NotQueued(error, JsonText.Write(inputs.Values), label);
        Emit(run, _rowTemplate.Client);
        cmdlet.Log.Warning($"Row {_row} was not queued: {run.Error}");
    }

    /// <summary>Ends the cmdlet with what fails every run; once a run is paid for, only the rest is refused, without a request.</summary>
    private void RefuseRest(ComfyDeployException error, bool failsEveryRun)
    {
        if (!failsEveryRun) return;
        if (_queued.Count == 0) cmdlet.ThrowTerminating(error, (object?)_rowTemplate?.Deployment ?? cmdlet.Deployment.Text);
        _refusal ??= error;
    }

    private static bool FailsEveryRun(ComfyDeployException error) =>
        error.ErrorId is ErrorIds.ApiKeyRejected or ErrorIds.DeploymentNotFound
        || (error.ErrorId == ErrorIds.LimitReached && error.StatusCode is 402 or 403);

    private void Emit(ComfyRun run, ComfyDeployClient client)
    {
        if (!cmdlet.Wait) cmdlet.Write(run);
        else if (run.RunId is null) cmdlet.AddFinished(run);
        else cmdlet.AddToWait(new(run.RunId, client, run, RunOrigin.Of(run)));
    }
}
