using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Stop, "ComfyRun", SupportsShouldProcess = true), OutputType(typeof(ComfyStopResult))]
public sealed class StopComfyRunCommand : ConnectedCommand
{
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(30);

    private readonly OrderedWork<StopOutcome> _stops = new();
    private readonly HashSet<(ApiSession Account, string RunId)> _asked = [];
    private DateTime? _endsAt;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [Reference(ReferenceKind.Run)]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter]
    public SwitchParameter Wait { get; set; }

    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(2);

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void BeginProcessing()
    {
        if (!Wait && MyInvocation.BoundParameters.ContainsKey(nameof(Timeout))) ThrowTerminating(new(ErrorIds.ParametersConflict, "-Timeout says how long to wait: give -Wait too."), null);
    }

    protected override void ProcessRecord()
    {
        foreach (ComfyReference reference in RunId)
        {
            // A row that was never queued has nothing to stop.
            if (RunReference.NotQueued(reference) is not null) continue;
            ComfyDeployClient client = RunClient(reference);
            try
            {
                Add(RunReference.ResolveId(reference, client.Session), RunReference.Origin(reference), client);
            }
            catch (ComfyDeployException e)
            {
                Defer(e, reference.Text);
            }
            while (_stops.HasNext || _stops.IsFull) Take();
        }
    }

    protected override void EndProcessing()
    {
        while (!_stops.IsEmpty) Take();
        // Under a preference of Stop the first error ends the pipeline: it must not come before the last run is stopped.
        ReportDeferred();
    }

    /// <summary>When another cmdlet of the pipeline fails, what was to be stopped is stopped all the same; Ctrl+C ends it.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !Stopping) Task.WhenAny(_stops.Rest).Wait(EndPatience);
        base.Dispose(disposing);
    }

    private void Add(string id, RunOrigin? origin, ComfyDeployClient client)
    {
        string target = origin?.DeploymentName is { } name ? $"run {id} ({name})" : $"run {id}";
        if (!_asked.Add((client.Session, id)) || !ShouldProcess(target, "Cancel")) return;
        _endsAt ??= client.Session.Clock.Now + Timeout;
        RunStop stop = new(client, Log, Wait ? _endsAt : null);
        _stops.Add(token => stop.RunAsync(id, origin, token), Stop);
    }

    private void Take()
    {
        foreach (StopOutcome outcome in Await(_ => _stops.TakeAsync()))
        {
            if (PassThru) WriteObject(outcome.Result);
            if (outcome.Error is not null) Defer(outcome.Error, outcome.Result.RunId);
        }
    }
}
