using System.Management.Automation;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommunications.Send, "ComfyFile", DefaultParameterSetName = "Path", SupportsShouldProcess = true)]
[OutputType(typeof(ComfyFile))]
public sealed class SendComfyFileCommand : ConnectedCommand
{
    private FileSender? _sender;

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "Path", ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = "LiteralPath", ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [Alias("PSPath")]
    public string[] LiteralPath { get; set; } = [];

    protected override void ProcessRecord()
    {
        FileArguments arguments = new(this, SessionState.Path);
        IEnumerable<string> files = ParameterSetName == "Path" ? arguments.Expand(Path) : arguments.Locate(LiteralPath);
        _sender ??= new(this, Client);
        foreach (string file in files) _sender.Add(file);
    }

    protected override void EndProcessing()
    {
        _sender?.Finish();
        base.EndProcessing();
    }

    private protected override void OnTick() => _sender?.ShowProgress();
}
