using System.Management.Automation;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommon.Get, "ComfyRunOutput"), OutputType(typeof(ComfyRunOutput))]
public sealed class GetComfyRunOutputCommand : ConnectedCommand
{
    private RunBatch<RunReadResult> _runs = null!;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [Reference(ReferenceKind.Run)]
    [ArgumentCompleter(typeof(RunIdCompleter))]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(OutputKindCompleter))]
    public string[]? Kind { get; set; }

    protected override void BeginProcessing()
    {
        if (KnownWords.OutputKinds.Fault(nameof(Kind), Kind) is { } fault) ThrowTerminating(fault, Kind);
        _runs = new(this, run => run.ReadWholeAsync, Write);
    }

    protected override void ProcessRecord() => _runs.Add(RunId);

    protected override void EndProcessing()
    {
        _runs.Drain();
        base.EndProcessing();
    }

    private void Write(IReadOnlyList<RunReadResult> reads)
    {
        foreach (RunReadResult read in reads)
        {
            if (read.Error is not null) Defer(read.Error, read.RunId);
            else if (read.Run!.Outputs is { } all) WriteObject(all.Where(output => output.IsOfKind(Kind)), enumerateCollection: true);
        }
    }
}
