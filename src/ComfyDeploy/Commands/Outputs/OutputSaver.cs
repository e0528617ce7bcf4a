using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>Downloads outputs into a folder, several at a time, and writes the files in the order of the outputs.</summary>
internal sealed class OutputSaver(
    SaveComfyRunOutputCommand cmdlet, OutputFolder folder, OutputNameTemplate names, ExistingFile existing, int throttleLimit)
{
    // Selects the view; the object is a FileInfo all the same.
    private const string SavedFileType = "ComfyDeploy.SavedFile";
    private const double Megabyte = 1024 * 1024;
    private static readonly TimeSpan CancelTimeout = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CompletionTimeout = TimeSpan.FromMinutes(5);

    private readonly OrderedWork<SavedOutput> _downloads = new(throttleLimit);
    private readonly List<string> _withoutOutputs = [];
    private readonly SaveRecords _records = new(cmdlet, folder);
    private StorageConnections? _storage;
    private ProgressBar? _bar;
    private long _bytes;
    private int _unsure;
    private int _files;
    private int _finished;
    private bool _isAll;

    internal void Add(RunReadResult read, Func<ComfyRunOutput, bool> isWanted)
    {
        IReadOnlyList<ComfyRunOutput> outputs = read.Run!.Outputs ?? ComfyRunOutputCollection.Empty;
        RecordedFiles recorded = _records.Of(read.Run, read.Client.Session);
        // What has no link is a text, or was saved before.
        ComfyRunOutput[] files =
            [.. outputs.Where(output => (output.Url is not null || recorded.PathOf(output) is not null) && isWanted(output))];
        if (files.Length == 0) _withoutOutputs.Add(RunName.Of(read.Run));
        _bar ??= cmdlet.NewBar(read.Client.Session.Clock);
        foreach (ComfyRunOutput output in files) Add(output, read.Client, recorded);
    }

    /// <summary>A run of a manifest, with its files, if all of them are still there; null if the service must be asked.</summary>
    internal RunReadResult? Recorded(RequestedRun run, Func<ComfyRunOutput, bool> isWanted)
    {
        if (existing == ExistingFile.Overwrite || run.Reference.Object<ComfyRun>() is not { } given) return null;
        return _records.Rebuild(given, run.Client.Session, isWanted) is { } whole ? new(run.RunId, whole, null, run.Client) : null;
    }

    /// <summary>Writes the files that are complete.</summary>
    internal void WriteReady()
    {
        while (_downloads.HasNext || _downloads.IsFull) Write();
    }

    internal void Finish()
    {
        _isAll = true;
        while (!_downloads.IsEmpty) Write();
        _bar?.Complete();
        if (_unsure > 0)
        {
            cmdlet.Log.Warning($"{Plural.Of(_unsure, "file")} of the same name already existed and may belong to another run: "
                + "a name identifies an output only with {RunId:12} and {Index} in -NameTemplate.");
        }
        if (_withoutOutputs.Count > 0) cmdlet.Log.Warning($"No outputs to save for {string.Join(", ", _withoutOutputs)}.");
    }

    /// <summary>Shows the files and bytes so far. The end is estimated once all files are known; their lengths never are.</summary>
    internal void ShowProgress()
    {
        if (_files == 0 || _bar?.TakeTurn() != true) return;
        int finished = Volatile.Read(ref _finished);
        string size = string.Format(CultureInfo.InvariantCulture, "{0:0.0} MB", Interlocked.Read(ref _bytes) / Megabyte);
        _bar.Show($"Saving {Plural.Of(_files, "file")}", ProgressBar.Percent(finished, _files),
            [($"{finished}/{_files}", 0), (size, 1), (_isAll ? _bar.Eta(finished, _files) : null, 2)]);
    }

    /// <summary>
    /// When another cmdlet of the pipeline fails, downloads under way complete, since the runs are paid for; Ctrl+C cancels them.
    /// </summary>
    internal void Close(bool stopping)
    {
        _downloads.Close();
        // A cancelled download deletes its partial file at once; Ctrl+C waits that long and no longer.
        cmdlet.WaitFor(_downloads.Rest, stopping ? CancelTimeout : CompletionTimeout);
        _storage?.Dispose();
        _ = CloseRecordsAsync();
    }

    /// <summary>A download that goes on after Ctrl+C may still complete, and record its file.</summary>
    private async Task CloseRecordsAsync()
    {
        await Task.WhenAny(_downloads.Rest).ConfigureAwait(false);
        _records.Dispose();
    }

    private void Add(ComfyRunOutput output, ComfyDeployClient client, RecordedFiles recorded)
    {
        string? known = recorded.PathOf(output);
        bool isComplete = recorded.IsComplete(output);
        // What has no link was rebuilt from the manifest, and has its path.
        if (output.Url is null || (existing != ExistingFile.Overwrite && isComplete && folder.TryTakeFor(output, known!)))
        {
            cmdlet.Log.Verbose($"{NameOf(output)} is recorded and exists: {known}");
            _downloads.AddResult(new(output, known!, null));
            return;
        }
        bool exists = false;
        // A file that is lost comes back under its own name. One that has changed is no longer ours.
        bool isAgain = (isComplete || recorded.IsLost(output)) && folder.TryTake(known!);
        string target = isAgain ? known! : folder.Reserve(names.Expand(output), out exists);
        if (exists && existing == ExistingFile.Error)
        {
            string message = $"{target} already exists. Choose what to do with it: -Existing Skip, Overwrite or Rename.";
            cmdlet.Defer(new(ErrorIds.FileExists, message), target);
            return;
        }
        if (exists && existing == ExistingFile.Skip)
        {
            cmdlet.Log.Verbose($"{NameOf(output)} already exists: {target}");
            if (!names.IdentifiesOutput) _unsure++;
            _downloads.AddResult(new(output, target, null));
            return;
        }
        if (!cmdlet.ShouldProcess(target, $"Save output {output.Index} of run {output.RunId}")) return;
        _files++;
        StorageConnections storage = _storage ??= client.Session.ConnectStorage(throttleLimit);
        Downloader downloader = new(storage, client.Session.Clock, client.Session.Connection.RequestTimeout, cmdlet.Log)
        {
            Overwrite = existing == ExistingFile.Overwrite,
            OnComplete = length => recorded.Add(output, target, length),
            NoRetry = _downloads.Closed,
        };
        _downloads.Add(cancellationToken => DownloadAsync(output, target, client, downloader, cancellationToken), cmdlet.Stop);
        WriteReady();
    }

    private async Task<SavedOutput> DownloadAsync(
        ComfyRunOutput output, string target, ComfyDeployClient client, Downloader downloader, CancellationToken cancellationToken)
    {
        try
        {
            OutputFolder.Create(target);
            await downloader.SaveAsync(output.Url!, target, NameOf(output), token =>
                FreshLinkAsync(output, client, token), cancellationToken)
                .ConfigureAwait(false);
            cmdlet.Log.Verbose($"{NameOf(output)} is saved: {target}");
            FileInfo saved = new(target);
            if (saved.Exists) Interlocked.Add(ref _bytes, saved.Length);
            return new(output, target, null);
        }
        catch (ComfyDeployException e)
        {
            return new(output, target, e);
        }
        finally
        {
            Interlocked.Increment(ref _finished);
        }
    }

    private static string NameOf(ComfyRunOutput output) =>
        $"Output {output.Index} of run {RunName.Of(output.RunId!, output.Run?.Label)}";

    private static async Task<Uri?> FreshLinkAsync(ComfyRunOutput output, ComfyDeployClient client, CancellationToken cancellationToken)
    {
        ComfyRun run = await client.GetRunAsync(output.RunId!, cancellationToken).ConfigureAwait(false);
        return run.Outputs?.FirstOrDefault(other => other.Index == output.Index && other.FileName == output.FileName)?.Url;
    }

    private void Write()
    {
        foreach (SavedOutput saved in cmdlet.Take(_downloads))
        {
            if (saved.Error is not null)
            {
                cmdlet.Defer(saved.Error, saved.Output);
                continue;
            }
            if (Find(saved.Path) is not { } file)
            {
                cmdlet.Defer(new(ErrorIds.DownloadFailed, $"{NameOf(saved.Output)}: {saved.Path} was removed."), saved.Output);
                continue;
            }
            file.TypeNames.Insert(0, SavedFileType);
            file.Properties.Add(new PSNoteProperty("RunId", saved.Output.RunId));
            file.Properties.Add(new PSNoteProperty("Index", saved.Output.Index));
            file.Properties.Add(new PSNoteProperty("Label", saved.Output.Run?.Label));
            file.Properties.Add(new PSNoteProperty("DeploymentName", saved.Output.Run?.DeploymentName));
            cmdlet.WriteObject(file);
        }
    }

    /// <summary>The object that Get-Item returns, so that the default file table shows all its columns; null without the file.</summary>
    private PSObject? Find(string path)
    {
        try
        {
            return cmdlet.InvokeProvider.Item.Get([path], force: true, literalPath: true).FirstOrDefault();
        }
        catch (Exception e) when (e is ItemNotFoundException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private sealed record SavedOutput(ComfyRunOutput Output, string Path, ComfyDeployException? Error);
}
