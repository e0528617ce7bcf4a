using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommon.Get, "ComfyRunOutput"), OutputType(typeof(ComfyRunOutput))]
public sealed class GetComfyRunOutputCommand : ConnectedCommand
{
    private readonly OrderedWork<RunReadResult> _reads = new();
    private readonly HashSet<(ApiSession Account, string RunId)> _asked = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [Reference(ReferenceKind.Run)]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(OutputKindCompleter))]
    public string[]? Kind { get; set; }

    protected override void ProcessRecord()
    {
        foreach (ComfyReference reference in RunId)
        {
            if (RunReference.NotQueued(reference) is not null) continue;
            ComfyDeployClient client = RunClient(reference);
            try
            {
                string id = RunReference.ResolveId(reference, client.Session);
                if (_asked.Add((client.Session, id))) _reads.Add(stop => RunReference.WholeAsync(reference, id, client, stop), Stop);
            }
            catch (ComfyDeployException e)
            {
                Defer(e, reference.Text);
            }
            while (_reads.HasNext || _reads.IsFull) WriteOutputs();
        }
    }

    protected override void EndProcessing()
    {
        while (!_reads.IsEmpty) WriteOutputs();
        ReportDeferred();
    }

    private void WriteOutputs()
    {
        foreach (RunReadResult read in Await(_ => _reads.TakeAsync()))
        {
            if (read.Error is not null) Defer(read.Error, read.RunId);
            else WriteObject(read.Run!.Outputs.Where(output => output.IsOfKind(Kind)), enumerateCollection: true);
        }
    }
}
