using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Start, "ComfyRun", SupportsShouldProcess = true, DefaultParameterSetName = DeploymentSet),
    OutputType(typeof(ComfyRun))]
public sealed class StartComfyRunCommand : WaitingCommand
{
    private const string DeploymentSet = "Deployment";
    private const string RowSet = "Row";

    private static readonly TimeSpan MaxDeadline = TimeSpan.FromDays(365);

    private readonly RunPlan _plan = new();
    private RowInputs _inputs = null!;
    private RunTemplate? _rowTemplate;
    private int _row;

    [Parameter(ParameterSetName = DeploymentSet, Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Parameter(ParameterSetName = RowSet, Mandatory = true, Position = 0), ValidateNotNull, Reference(ReferenceKind.Deployment)]
    [ArgumentCompleter(typeof(DeploymentCompleter))]
    public ComfyReference Deployment { get; set; } = null!;

    [Parameter(Position = 1), Alias("Input"), ValidateNotNull]
    public PSObject? Inputs { get; set; }

    [Parameter(ParameterSetName = RowSet, Mandatory = true, ValueFromPipeline = true), ValidateNotNull]
    public PSObject InputObject { get; set; } = null!;

    [Parameter, ValidateNotNullOrEmpty]
    public string? InputPath { get; set; }

    [Parameter(ParameterSetName = RowSet), ValidateNotNullOrEmpty]
    public string? InputName { get; set; }

    [Parameter(ParameterSetName = RowSet), ValidateNotNullOrEmpty]
    public string? LabelColumn { get; set; }

    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(EnvironmentCompleter))]
    public string? Environment { get; set; }

    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(GpuCompleter))]
    public string? Gpu { get; set; }

    [Parameter, ValidateNotNull]
    public Uri? Webhook { get; set; }

    [Parameter]
    public SwitchParameter WebhookIntermediateStatus { get; set; }

    [Parameter, ValidateRange(1, 10_000)]
    public int Repeat { get; set; } = 1;

    [Parameter]
    public SwitchParameter SkipInputCheck { get; set; }

    [Parameter]
    public SwitchParameter Wait { get; set; }

    protected override void BeginProcessing()
    {
        if (!Wait && (MyInvocation.BoundParameters.ContainsKey(nameof(Timeout)) || StopOnTimeout))
        {
            const string message = "-Timeout and -StopOnTimeout apply to a wait: specify -Wait too, or pipe the runs to Wait-ComfyRun.";
            ThrowTerminating(new(ErrorIds.ParametersConflict, message), null);
        }
        if (Webhook is { } hook && !(hook.IsAbsoluteUri && hook.Scheme is "https" or "http"))
        {
            ThrowTerminating(new(ErrorIds.InvalidInput, $"-Webhook '{hook}' is not an absolute http or https URL."), hook);
        }
        PSObject? file = InputPath is null ? null : ReadInputFile(FileSystemPath(InputPath, nameof(InputPath)));
        _inputs = new(file, Inputs, InputName, LabelColumn);
    }

    protected override void ProcessRecord()
    {
        if (ParameterSetName == RowSet) QueueRow();
        else QueueDeployment();
        if (Wait) WriteFinished();
    }

    protected override void EndProcessing()
    {
        WritePlan();
        if (Wait) FinishWait();
    }

    private void QueueDeployment()
    {
        try
        {
            if (Deployment.Property(nameof(ComfyRun.RunId)) is not null) throw RowInputs.RunIsNotARow();
            RunTemplate template = Find();
            InputSet inputs = _inputs.Common();
            Check(template.Deployment, inputs);
            Queue(template, inputs, label: null, RefuseDeployment);
        }
        catch (ComfyDeployException e)
        {
            RefuseDeployment(e);
        }
    }

    /// <summary>With -Wait the errors come after all runs are written, as from Wait-ComfyRun.</summary>
    private void RefuseDeployment(ComfyDeployException error)
    {
        if (FailsEveryRun(error) && error.ErrorId != ErrorIds.DeploymentNotFound) End(error, Deployment.Text);
        if (Wait) DeferRun(error, Deployment.Text);
        else ReportOrEnd(error, Deployment.Text);
    }

    private static bool FailsEveryRun(ComfyDeployException error) =>
        error.ErrorId is ErrorIds.ApiKeyRejected or ErrorIds.DeploymentNotFound
        || (error.ErrorId == ErrorIds.LimitReached && error.StatusCode is 402 or 403);

    /// <summary>Ends the cmdlet, but not without the runs that were queued before.</summary>
    private void End(ComfyDeployException error, object? target)
    {
        if (Wait) WriteFinished();
        WritePending();
        ThrowTerminating(error, target);
    }

    private void QueueRow()
    {
        _row++;
        string? label = null;
        InputSet inputs = new();
        try
        {
            // The connection may be closed, or opened again, between two rows.
            _rowTemplate = _rowTemplate is null ? Find() : _rowTemplate with { Client = ClientOf(_rowTemplate.Deployment.Connection) };
            inputs = _inputs.Common();
            label = _inputs.Add(inputs, InputObject);
            Check(_rowTemplate.Deployment, inputs);
            Queue(_rowTemplate, inputs, label, error => Refuse(error, inputs, label));
        }
        // A wrong column is wrong in every row: before the first is paid for it ends everything.
        catch (ComfyDeployException e)
            when (_rowTemplate is null || (_row == 1 && e.ErrorId is ErrorIds.UnknownInput or ErrorIds.InputRowInvalid))
        {
            ThrowTerminating(e, (object?)_rowTemplate?.Deployment ?? Deployment.Text);
        }
        catch (ComfyDeployException e)
        {
            Refuse(e, inputs, label);
        }
    }

    private RunTemplate Find()
    {
        ComfyDeployClient client = ClientOf(Deployment.Object<ComfyDeployment>()?.Connection);
        ComfyDeployment deployment = Await(stop => DeploymentLookup.FindOneAsync(client, Deployment, Environment, stop));
        if (Gpu is not null && deployment.Gpu is { } pinned && !string.Equals(pinned, Gpu, StringComparison.OrdinalIgnoreCase))
        {
            WriteWarning($"{deployment.DeploymentName} is fixed to {pinned}; the service ignores -Gpu {Gpu}.");
        }
        return new(deployment, client, Gpu, Webhook, WebhookIntermediateStatus);
    }

    private void Check(ComfyDeployment deployment, InputSet inputs)
    {
        if (SkipInputCheck || deployment.Inputs is not { } definitions) return;
        inputs.CheckNames(definitions, deployment.DeploymentName, areRows: ParameterSetName == RowSet);
        inputs.Fit(definitions);
    }

    private void Queue(RunTemplate template, InputSet inputs, string? label, Action<ComfyDeployException> onRefused)
    {
        ComfyDeployClient client = template.Client;
        if (Wait) client.Deadline ??= client.Session.Clock.Now + (Timeout < MaxDeadline ? Timeout : MaxDeadline);
        string json = JsonText.Write(inputs.Values);
        for (int copy = 0; copy < Repeat; copy++)
        {
            if (!ShouldProcess(template.Target, RunTemplate.Action(json)))
            {
                _plan.Add(template.Gpu);
                continue;
            }
            try
            {
                DateTime sentAt = client.Session.Clock.Now.ToLocalTime();
                string runId = Await(stop => client.CreateRunAsync(template.ToRequest(json, label), stop));
                WriteVerbose($"Queued run {runId} of {template.Deployment.DeploymentName}.");
                Emit(template.Queued(runId, json, label, sentAt), client);
            }
            catch (ComfyDeployException e)
            {
                onRefused(e);
            }
        }
    }

    private void Refuse(ComfyDeployException error, InputSet inputs, string? label)
    {
        if (FailsEveryRun(error)) End(error, _rowTemplate!.Deployment);
        ComfyRun run = _rowTemplate!.NotQueued(error, JsonText.Write(inputs.Values), label);
        WriteWarning($"Row {_row} was not queued: {run.Error}");
        Emit(run, _rowTemplate.Client);
    }

    private void Emit(ComfyRun run, ComfyDeployClient client)
    {
        if (!Wait) WriteObject(run);
        else if (run.RunId is null) AddFinished(run);
        else AddToWait(new(run.RunId, client, run, RunOrigin.Of(run)));
    }

    /// <summary>The last line of -WhatIf: how many runs, and what a second of them costs.</summary>
    private void WritePlan()
    {
        // A run that the user declined is in the plan too, but is not worth a line.
        if (_plan.IsEmpty || !IsWhatIf) return;
        string text = _plan.Describe(Await(stop => Client.GetGpuPricesAsync(stop)));
        WriteInformation(new HostInformationMessage { Message = $"What if: {text}" }, ["PSHOST", "ComfyRun"]);
    }

    private bool IsWhatIf => MyInvocation.BoundParameters.TryGetValue("WhatIf", out object? given)
        ? ((SwitchParameter)given).IsPresent
        : LanguagePrimitives.IsTrue(GetVariableValue("WhatIfPreference"));

    private PSObject? ReadInputFile(string path)
    {
        try
        {
            return InputSet.ReadFile(path);
        }
        catch (ComfyDeployException e)
        {
            ThrowTerminating(e, path);
            throw;
        }
    }
}
