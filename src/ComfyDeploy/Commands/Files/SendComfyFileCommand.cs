using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommunications.Send, "ComfyFile", DefaultParameterSetName = "Path", SupportsShouldProcess = true)]
[OutputType(typeof(ComfyFile))]
public sealed class SendComfyFileCommand : ConnectedCommand
{
    // The limit is the upstream of the line, which few files already fill.
    private const int Parallel = 4;

    private readonly OrderedWork<SentFile> _uploads = new(Parallel);
    private UploadProgress? _progress;
    private DateTime? _expiresAt;

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
        foreach (string file in files) Add(file);
    }

    protected override void EndProcessing()
    {
        while (!_uploads.IsEmpty) Write();
        _progress?.Complete();
        if (_expiresAt is { } time)
        {
            Log.Warning($"The links to these files expire at {time:yyyy-MM-dd HH:mm}, because the account keeps its files private. "
                + "A run that starts later cannot read them.");
        }
        base.EndProcessing();
    }

    private protected override void OnTick() => _progress?.Update();

    private void Add(string path)
    {
        ComfyDeployClient client = Client;
        long length;
        try
        {
            length = UploadRules.Check(path);
        }
        catch (ComfyDeployException e)
        {
            Report(path, e);
            return;
        }
        if (!ShouldProcess(path, $"Upload to connection '{client.Session.Connection.Name}'")) return;
        _progress ??= new(this, client.Session.Clock);
        Action<long> progress = _progress.Add(length);
        _uploads.Add(token => SendAsync(client, path, progress, token), Stop);
        while (_uploads.HasNext || _uploads.IsFull) Write();
    }

    private static async Task<SentFile> SendAsync(
        ComfyDeployClient client, string path, Action<long> progress, CancellationToken cancellationToken)
    {
        try
        {
            return new(path, await client.UploadAsync(path, progress, cancellationToken).ConfigureAwait(false), null);
        }
        catch (ComfyDeployException e)
        {
            return new(path, null, e);
        }
    }

    private void Write()
    {
        foreach (SentFile sent in Await(_ => _uploads.TakeAsync()))
        {
            _progress!.Finish();
            if (sent.Error is not null)
            {
                Report(sent.Path, sent.Error);
                continue;
            }
            if (sent.File!.ExpiresAt is { } time && !(time >= _expiresAt)) _expiresAt = time;
            WriteObject(sent.File);
        }
    }

    /// <summary>Several files may fail for one reason, so each message names its file.</summary>
    private void Report(string path, ComfyDeployException error)
    {
        if (Directory.Exists(path)) error = new(error.ErrorId, $"{error.Message} Send its files: Get-ChildItem '{path}' -File | Send-ComfyFile");
        bool isNamed = error.Message.Contains(path) || error.ErrorId is ErrorIds.ApiKeyRejected or ErrorIds.NotConnected;
        Defer(isNamed ? error : error.About($"'{SafeText.Clean(path)}' was not uploaded"), path);
    }

    private sealed record SentFile(string Path, ComfyFile? File, ComfyDeployException? Error);
}
