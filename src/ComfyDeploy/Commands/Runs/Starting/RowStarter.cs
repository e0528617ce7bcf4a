using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>Makes runs of what Start-ComfyRun receives: a deployment, or rows of inputs, or nothing.</summary>
internal sealed class RowStarter(StartComfyRunCommand cmdlet, RunStarter starter, RowInputs rowInputs)
{
    // Rows that come more slowly than creates are answered come out one by one, without waiting for the row after them.
    private static readonly TimeSpan SlowRow = TimeSpan.FromSeconds(1);

    private readonly RunTemplates _templates = new(cmdlet);
    private RunTemplate? _last;
    private DateTime? _lastRowAt;
    private int _row;

    /// <summary>Queues runs of what was named, or of the deployment that was piped in, without rows.</summary>
    internal void StartOne()
    {
        try
        {
            if (cmdlet.Deployment is not null) RowInputs.CheckIsDeployment(cmdlet.Deployment);
            RunTemplate template = _templates.Find();
            InputSet inputs = rowInputs.Common();
            starter.Check(template.Subject, inputs, areRows: false);
            starter.Queue(template, inputs, label: null, row: 0, cmdlet.Repeat);
        }
        catch (ComfyDeployException e)
        {
            starter.RefuseOne(e);
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
            if (cmdlet.DeploymentColumn is null) template = _templates.Find();
            inputs = rowInputs.Common();
            label = rowInputs.LabelOf(row);
            rowInputs.Add(inputs, row);
            _last = template ??= _templates.Find(rowInputs.DeploymentOf(row));
            starter.Check(template.Subject, inputs, areRows: true);
            starter.Queue(template, inputs, label, _row, cmdlet.Repeat);
        }
        // A wrong column is wrong in every row: before the first is paid for it ends everything.
        catch (ComfyDeployException e) when (_row == 1 && (IsWrongInEveryRow(e, template) || RunRefusals.IsOfManifest(e)))
        {
            cmdlet.ThrowTerminating(e, starter.Target);
        }
        catch (ComfyDeployException e)
        {
            string json = inputs.ToJson();
            ComfyRun run = template?.NotQueued(e, json, label) ?? RunTemplate.NotQueued(
                rowInputs.DeploymentNameOf(row), cmdlet.Client.Session.Connection, e, json, label);
            starter.Refuse(run, _row, e, template);
        }
        starter.WriteRows(all: isSlow);
        _lastRowAt = _last?.Client.Session.Clock.Now;
    }

    private bool IsWrongInEveryRow(ComfyDeployException error, RunTemplate? template) => cmdlet.DeploymentColumn is null
        ? template is null || error.ErrorId is ErrorIds.UnknownInput or ErrorIds.InputRowInvalid
        : template is null && error.ErrorId is not (ErrorIds.DeploymentNotFound or ErrorIds.DeploymentAmbiguous or ErrorIds.InvalidInput);
}
