using System.Management.Automation;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Wait, "ComfyRun", DefaultParameterSetName = AllSet), OutputType(typeof(ComfyRun))]
public sealed class WaitComfyRunCommand : WaitingCommand
{
    private const string AllSet = "All";
    private const string AnySet = "Any";
    private const string CountSet = "Count";

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true), ValidateNotNull, Reference(ReferenceKind.Run)]
    [ArgumentCompleter(typeof(RunIdCompleter))]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter(ParameterSetName = AnySet, Mandatory = true)]
    public SwitchParameter Any { get; set; }

    [Parameter(ParameterSetName = CountSet, Mandatory = true), ValidateRange(1, int.MaxValue)]
    public int Count { get; set; }

    [Parameter(ParameterSetName = AllSet)]
    public SwitchParameter InOrder { get; set; }

    [Parameter]
    public SwitchParameter ThrowOnFailure { get; set; }

    [Parameter]
    public SwitchParameter SkipErrorDetail { get; set; }

    private protected override RunWaitOptions WaitOptions => new(Timeout, InOrder, !SkipErrorDetail, ParameterSetName switch
    {
        AnySet => 1,
        CountSet => Count,
        _ => null,
    }, StopOnTimeout);

    private protected override void Receive()
    {
        foreach (ComfyReference reference in RunId) Add(reference);
        WriteFinished();
    }

    private protected override void Finish() => FinishWait(ThrowOnFailure);
}
