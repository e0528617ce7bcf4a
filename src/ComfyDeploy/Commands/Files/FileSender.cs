using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>Uploads files, several at a time, and writes them in the order of the input.</summary>
internal sealed class FileSender(SendComfyFileCommand cmdlet, ComfyDeployClient client)
{
    // The limit is the upstream of the line, which few files already fill.
    private const int Parallel = 4;

    private readonly OrderedWork<SentFile> _uploads = new(Parallel);
    private readonly UploadProgress _progress = new();
    private readonly ProgressBar _bar = cmdlet.NewBar(client.Session.Clock);
    private bool _isAll;
    private DateTime? _expiresAt;

    internal void Add(string path)
    {
        long length;
        try
        {
            length = UploadRules.Check(path);
        }
        catch (ComfyDeployException e)
        {
            string hint = $" Send its files: Get-ChildItem -LiteralPath {CommandLine.Quote(path)} -File | Send-ComfyFile";
            cmdlet.Defer(Directory.Exists(path) ? e.With(hint) : e, path);
            return;
        }
        if (!cmdlet.ShouldProcess(path, $"Upload to connection '{client.Session.Connection.Name}'")) return;
        Action<long> progress = _progress.Add(length);
        _uploads.Add(cancellationToken => SendAsync(path, progress, cancellationToken), cmdlet.Stop);
        while (_uploads.HasNext || _uploads.IsFull) Write();
    }

    internal void Finish()
    {
        _isAll = true;
        while (!_uploads.IsEmpty) Write();
        _bar.Complete();
        if (_expiresAt is { } time) cmdlet.Log.Warning(ExpiryWarning(time));
    }

    internal static string ExpiryWarning(DateTime time) =>
        $"The links to these files expire at {time:yyyy-MM-dd HH:mm}, because the account keeps its files private. "
            + "A run that starts later cannot read them.";

    internal void ShowProgress()
    {
        if (_bar.TakeTurn()) _progress.ShowOn(_bar, _isAll);
    }

    private async Task<SentFile> SendAsync(string path, Action<long> progress, CancellationToken cancellationToken)
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
        foreach (SentFile sent in cmdlet.Take(_uploads))
        {
            _progress.Finish();
            if (sent.File is null)
            {
                cmdlet.Defer(Named(sent.Path, sent.Error!), sent.Path);
                continue;
            }
            if (sent.File.ExpiresAt is { } time && !(time >= _expiresAt)) _expiresAt = time;
            cmdlet.WriteObject(sent.File);
        }
    }

    /// <summary>Several files may fail for one reason, so that each message names its file; one that concerns all does not.</summary>
    private static ComfyDeployException Named(string path, ComfyDeployException error) =>
        error.Message.Contains(path) || error.ErrorId is ErrorIds.ApiKeyRejected or ErrorIds.NotConnected
            ? error
            : error.With(before: $"'{SafeText.Clean(path)}' was not uploaded: ");

    private sealed record SentFile(string Path, ComfyFile? File, ComfyDeployException? Error);
}
