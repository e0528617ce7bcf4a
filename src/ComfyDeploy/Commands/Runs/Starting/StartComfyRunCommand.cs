using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Start, "ComfyRun", SupportsShouldProcess = true, DefaultParameterSetName = DeploymentSet), OutputType(typeof(ComfyRun))]
public sealed class StartComfyRunCommand : WaitingCommand
{
    private const string DeploymentSet = "Deployment";
    private const string RowSet = "Row";

    private static readonly TimeSpan LongestDeadline = TimeSpan.FromDays(365);

    private readonly RunPlan _plan = new();
    private PSObject? _fileInputs;
    private ComfyDeployment? _rowDeployment;
    private int _row;

    [Parameter(ParameterSetName = DeploymentSet, Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Parameter(ParameterSetName = RowSet, Mandatory = true, Position = 0)]
    [ValidateNotNull]
    [Reference(ReferenceKind.Deployment)]
    [ArgumentCompleter(typeof(DeploymentCompleter))]
    public ComfyReference Deployment { get; set; } = null!;

    [Parameter(Position = 1)]
    [Alias("Input")]
    [ValidateNotNull]
    public PSObject? Inputs { get; set; }

    [Parameter(ParameterSetName = RowSet, Mandatory = true, ValueFromPipeline = true)]
    [ValidateNotNull]
    public PSObject InputObject { get; set; } = null!;

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? InputPath { get; set; }

    [Parameter(ParameterSetName = RowSet)]
    [ValidateNotNullOrEmpty]
    public string? InputName { get; set; }

    [Parameter(ParameterSetName = RowSet)]
    [ValidateNotNullOrEmpty]
    public string? LabelColumn { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(EnvironmentCompleter))]
    public string? Environment { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(GpuCompleter))]
    public string? Gpu { get; set; }

    [Parameter]
    [ValidateNotNull]
    public Uri? Webhook { get; set; }

    [Parameter]
    public SwitchParameter WebhookIntermediateStatus { get; set; }

    [Parameter]
    [ValidateRange(1, 10_000)]
    public int Repeat { get; set; } = 1;

    [Parameter]
    public SwitchParameter SkipInputCheck { get; set; }

    [Parameter]
    public SwitchParameter Wait { get; set; }

    protected override void BeginProcessing()
    {
        if (!Wait && (MyInvocation.BoundParameters.ContainsKey(nameof(Timeout)) || StopOnTimeout))
        {
            ThrowTerminating(new(ErrorIds.ParametersConflict, "-Timeout and -StopOnTimeout say how long to wait: give -Wait too, or pipe the runs to Wait-ComfyRun."), null);
        }
        if (Webhook is { } hook && !(hook.IsAbsoluteUri && hook.Scheme is "https" or "http")) ThrowTerminating(new(ErrorIds.InvalidInput, $"-Webhook '{hook}' is not a whole https or http address."), hook);
        if (InputPath is not null) _fileInputs = ReadInputFile(FileSystemPath(InputPath, nameof(InputPath)));
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
            if (Deployment.Property(nameof(ComfyRun.RunId)) is not null) throw RunIsNoRow();
            ComfyDeployment deployment = Find(Deployment);
            InputSet inputs = Collect();
            Check(deployment, inputs);
            Queue(deployment, inputs, label: null, RefuseDeployment);
        }
        catch (ComfyDeployException e)
        {
            RefuseDeployment(e);
        }
    }

    /// <summary>With -Wait the errors come when all runs are written, as from Wait-ComfyRun.</summary>
    private void RefuseDeployment(ComfyDeployException error)
    {
        if (EndsAll(error) && error.ErrorId != ErrorIds.DeploymentNotFound) End(error, Deployment.Text);
        if (Wait) DeferRun(error, Deployment.Text);
        else ReportOrEnd(error, Deployment.Text);
    }

    /// <summary>What is wrong for one run is wrong for all.</summary>
    private static bool EndsAll(ComfyDeployException error) =>
        error.ErrorId is ErrorIds.ApiKeyRejected or ErrorIds.DeploymentNotFound || (error.ErrorId == ErrorIds.LimitReached && error.StatusCode is 402 or 403);

    /// <summary>Ends it all, but not without the runs that were queued before.</summary>
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
            _rowDeployment ??= Find(Deployment);
            inputs = Collect();
            AddRow(inputs);
            label = LabelColumn is null ? null : Convert.ToString(inputs.Remove(LabelColumn), CultureInfo.InvariantCulture);
            Check(_rowDeployment, inputs);
            Queue(_rowDeployment, inputs, label, error => Refuse(error, inputs, label));
        }
        // A wrong column is wrong in every row: before the first is paid for it ends everything.
        catch (ComfyDeployException e) when (_rowDeployment is null || (_row == 1 && e.ErrorId is ErrorIds.UnknownInput or ErrorIds.InputRowInvalid))
        {
            ThrowTerminating(e, (object?)_rowDeployment ?? Deployment.Text);
        }
        catch (ComfyDeployException e)
        {
            Refuse(e, inputs, label);
        }
    }

    private ComfyDeployment Find(ComfyReference reference)
    {
        ComfyDeployClient client = ClientOf(reference.Object<ComfyDeployment>()?.Connection);
        ComfyDeployment deployment = Await(stop => DeploymentLookup.FindOneAsync(client, reference, Environment, stop));
        if (Gpu is not null && deployment.Gpu is { } pinned && !string.Equals(pinned, Gpu, StringComparison.OrdinalIgnoreCase))
        {
            WriteWarning($"{deployment.DeploymentName} is fixed to {pinned}; the service ignores -Gpu {Gpu}.");
        }
        return deployment;
    }

    /// <summary>What all runs have in common: the file's inputs, then those of -Inputs.</summary>
    private InputSet Collect()
    {
        InputSet inputs = new();
        if (_fileInputs is not null) inputs.Add(_fileInputs, skipEmpty: false);
        if (Inputs is null) return inputs;
        if (Inputs.BaseObject is not (System.Collections.IDictionary or PSCustomObject))
        {
            throw new ComfyDeployException(ErrorIds.InvalidInput, $"-Inputs takes a hashtable or an object, not a {Inputs.BaseObject.GetType().Name}: -Inputs @{{ prompt = '…' }}");
        }
        inputs.Add(Inputs, skipEmpty: false);
        return inputs;
    }

    private void AddRow(InputSet inputs)
    {
        object row = InputObject.BaseObject;
        if (row is ComfyRun) throw RunIsNoRow();
        string? refusal = row switch
        {
            ComfyDeployment => "A ComfyDeployment is not a row of inputs. Pipe it without -Deployment, or give rows.",
            _ when InputName is null && IsScalar(row) => $"A {row.GetType().Name} is not a row of inputs. Say which input it is: -InputName prompt",
            _ => null,
        };
        if (refusal is not null) throw new ComfyDeployException(ErrorIds.InputRowInvalid, refusal);
        if (InputName is null) inputs.Add(InputObject, skipEmpty: true);
        else inputs.Set(InputName, row, skipEmpty: true);
    }

    private static ComfyDeployException RunIsNoRow() =>
        new(ErrorIds.InputRowInvalid, "A ComfyRun is not a row of inputs. To use its inputs: | ForEach-Object Inputs | Start-ComfyRun -Deployment …");

    private static bool IsScalar(object row) => row is string or ValueType or Uri or FileSystemInfo;

    private void Check(ComfyDeployment deployment, InputSet inputs)
    {
        if (SkipInputCheck || deployment.Inputs is not { } definitions) return;
        inputs.CheckNames(definitions, deployment.DeploymentName, areRows: ParameterSetName == RowSet);
        inputs.Fit(definitions);
    }

    private void Queue(ComfyDeployment deployment, InputSet inputs, string? label, Action<ComfyDeployException> onRefused)
    {
        ComfyDeployClient client = ClientOf(deployment.Connection);
        if (Wait) client.Deadline ??= client.Session.Clock.Now + (Timeout < LongestDeadline ? Timeout : LongestDeadline);
        string json = InputJson.Write(inputs.Values);
        string? gpu = deployment.Gpu ?? Gpu;
        string version = deployment.Version is { } number ? $"version {number}, " : string.Empty;
        for (int copy = 0; copy < Repeat; copy++)
        {
            if (!ShouldProcess($"{deployment.DeploymentName} ({version}{(gpu is null ? "the machine's GPU" : $"GPU {gpu}")})", $"Queue run {SafeText.Clean(SafeText.HideSignatures(json))}"))
            {
                _plan.Add(gpu);
                continue;
            }
            try
            {
                CreateRequest request = new(deployment.DeploymentId, deployment.DeploymentName, json, Gpu, Webhook, WebhookIntermediateStatus);
                DateTime sentAt = DateTime.Now;
                string runId = Await(stop => client.CreateRunAsync(request, stop));
                Emit(Queued(runId, deployment, json, label, sentAt, client), client);
            }
            catch (ComfyDeployException e)
            {
                onRefused(e);
            }
        }
    }

    private ComfyRun Queued(string runId, ComfyDeployment deployment, string json, string? label, DateTime sentAt, ComfyDeployClient client)
    {
        ComfyRun run = Describe(deployment, json, label, client);
        run.RunId = runId;
        run.Status = RunStatus.NotStarted;
        run.CreatedAt = sentAt;
        run.Webhook = Webhook?.AbsoluteUri;
        client.Session.KnownRuns.Describe(runId, RunOrigin.Of(run));
        WriteVerbose($"Queued run {runId} of {deployment.DeploymentName}.");
        return run;
    }

    /// <summary>A row the service or we refused: it comes out all the same, so that as many objects go out as rows came in, and what is paid for is not lost.</summary>
    private void Refuse(ComfyDeployException error, InputSet inputs, string? label)
    {
        if (EndsAll(error)) End(error, _rowDeployment);
        ComfyDeployClient client = ClientOf(_rowDeployment!.Connection);
        ComfyRun run = Describe(_rowDeployment, InputJson.Write(inputs.Values), label, client);
        run.Status = RunStatus.NotQueued;
        run.Error = error.ErrorId == ErrorIds.AmbiguousCreate ? $"{error.ErrorId}: {error.Message}" : error.Message;
        WriteWarning($"Row {_row} was not queued: {run.Error}");
        Emit(run, client);
    }

    private ComfyRun Describe(ComfyDeployment deployment, string json, string? label, ComfyDeployClient client) => new()
    {
        DeploymentId = deployment.DeploymentId,
        DeploymentName = deployment.DeploymentName,
        WorkflowName = deployment.Name,
        WorkflowId = deployment.WorkflowId,
        WorkflowVersionId = deployment.WorkflowVersionId,
        MachineId = deployment.MachineId,
        Gpu = deployment.Gpu ?? Gpu,
        Origin = "api",
        Label = label,
        InputsJson = json,
        Connection = client.Session.Connection,
    };

    private void Emit(ComfyRun run, ComfyDeployClient client)
    {
        if (Wait) AddToWait(run, client);
        else WriteObject(run);
    }

    /// <summary>The last line of -WhatIf: how many runs, and what a second of them costs.</summary>
    private void WritePlan()
    {
        // Planned runs are also those a user said no to.
        bool isWhatIf = MyInvocation.BoundParameters.TryGetValue("WhatIf", out object? given) ? ((SwitchParameter)given).IsPresent : LanguagePrimitives.IsTrue(GetVariableValue("WhatIfPreference"));
        if (_plan.IsEmpty || !isWhatIf) return;
        string text = _plan.Describe(Await(stop => Client.GetGpuPricesAsync(stop)));
        WriteInformation(new HostInformationMessage { Message = $"What if: {text}" }, ["PSHOST", "ComfyRun"]);
    }

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
