using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsData.Save, "ComfyRunOutput", SupportsShouldProcess = true), OutputType(typeof(FileInfo))]
public sealed class SaveComfyRunOutputCommand : ConnectedCommand
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan EndPatience = TimeSpan.FromMinutes(5);

    private readonly OrderedWork<(RunReadResult Read, int? Index)> _reads = new();
    private readonly List<string> _withoutOutputs = [];
    private readonly HashSet<string> _asked = new(StringComparer.OrdinalIgnoreCase);
    private OrderedWork<Saved> _downloads = new();
    private OutputNameTemplate _names = null!;
    private OutputFolder _folder = null!;
    private HttpClient _storage = null!;

    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = ".";

    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [ValidateNotNull]
    [Reference(ReferenceKind.Run)]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(OutputKindCompleter))]
    public string[]? Kind { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string NameTemplate { get; set; } = OutputNameTemplate.Default;

    [Parameter]
    public ExistingFile Existing { get; set; }

    [Parameter]
    [ValidateRange(1, 64)]
    public int ThrottleLimit { get; set; } = OrderedWork.Parallel;

    protected override void BeginProcessing()
    {
        _downloads = new(ThrottleLimit);
        _storage = Downloader.CreateClient(ThrottleLimit);
        string folder = FileSystemPath(Path, nameof(Path));
        if (File.Exists(folder)) ThrowTerminating(new(ErrorIds.InvalidInput, $"-Path '{Path}' is a file; a folder is meant."), Path);
        _folder = new(folder, Existing);
        try
        {
            _names = new(NameTemplate);
        }
        catch (ComfyDeployException e)
        {
            ThrowTerminating(e, NameTemplate);
        }
    }

    protected override void ProcessRecord()
    {
        foreach (ComfyReference reference in RunId) Add(reference);
        WriteReady();
    }

    protected override void EndProcessing()
    {
        while (!_reads.IsEmpty) Plan();
        while (!_downloads.IsEmpty) WriteSaved();
        if (_withoutOutputs.Count > 0) WriteWarning($"Nothing to save of {string.Join(", ", _withoutOutputs)}.");
        ReportDeferred();
    }

    /// <summary>When another cmdlet of the pipeline fails, what is paid for and half here is finished; Ctrl+C ends it.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _downloads.Close();
            Task rest = Task.WhenAny(_downloads.Rest);
            // A stopped download takes its part away at once; Ctrl+C waits that long and no longer.
            rest.Wait(Stopping ? StopPatience : EndPatience);
            _storage?.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Add(ComfyReference reference)
    {
        if (RunReference.NotQueued(reference) is not null) return;
        ComfyRunOutput? output = reference.Object<ComfyRunOutput>();
        bool isRun = reference.Object<ComfyRun>() is not null;
        // An output, or a row that says which one, stands for that one alone; a run or its id for all.
        int? index = output?.Index ?? (!isRun && int.TryParse(reference.Property("Index"), NumberStyles.None, CultureInfo.InvariantCulture, out int row) ? row : null);
        ComfyDeployClient client = RunClient(reference);
        try
        {
            string id = RunReference.ResolveId(reference, client.Session);
            if (!_asked.Add($"{id}/{index}")) return;
            _reads.Add(async stop => (await RunReference.WholeAsync(reference, id, client, stop).ConfigureAwait(false), index), Stop);
        }
        catch (ComfyDeployException e)
        {
            Defer(e, reference.Text);
        }
    }

    private void WriteReady()
    {
        while (_reads.HasNext || _reads.IsFull) Plan();
        while (_downloads.HasNext || _downloads.IsFull) WriteSaved();
        WriteQueued();
    }

    private void Plan()
    {
        foreach ((RunReadResult read, int? index) in Await(_ => _reads.TakeAsync()))
        {
            if (read.Error is not null)
            {
                Defer(read.Error, read.RunId);
                continue;
            }
            ComfyRunOutput[] files = [.. read.Run!.Outputs.Where(output => output.Url is not null && output.IsOfKind(Kind) && (index is null || output.Index == index))];
            if (files.Length == 0) _withoutOutputs.Add(read.RunId);
            foreach (ComfyRunOutput output in files) Plan(output, read.Client);
        }
    }

    private void Plan(ComfyRunOutput output, ComfyDeployClient client)
    {
        string target = _folder.Reserve(_names.Expand(output), out bool isThere);
        if (isThere && Existing == ExistingFile.Error)
        {
            Defer(new(ErrorIds.FileExists, $"{target} is there already. Say what to do with it: -Existing Skip, Overwrite or Rename."), target);
            return;
        }
        if (isThere && Existing == ExistingFile.Skip)
        {
            WriteVerbose($"{What(output)} is there already: {target}");
            _downloads.Add(_ => Task.FromResult(new Saved(output, target, null)), Stop);
            return;
        }
        if (!ShouldProcess(target, $"Save output {output.Index} of run {output.RunId}")) return;
        _downloads.Add(stop => DownloadAsync(output, target, client, stop), Stop);
        while (_downloads.HasNext || _downloads.IsFull) WriteSaved();
    }

    private async Task<Saved> DownloadAsync(ComfyRunOutput output, string target, ComfyDeployClient client, CancellationToken stop)
    {
        Downloader downloader = new(_storage, client.Session.Clock, client.Session.Connection.RequestTimeout, Log)
        {
            Overwrite = Existing == ExistingFile.Overwrite,
            NoRetry = _downloads.Closed,
        };
        try
        {
            OutputFolder.Create(target);
            await downloader.SaveAsync(output.Url!, target, What(output), token => FreshLinkAsync(output, client, token), stop).ConfigureAwait(false);
            Log.Verbose($"{What(output)} is saved: {target}");
            return new(output, target, null);
        }
        catch (ComfyDeployException e)
        {
            return new(output, target, e);
        }
    }

    private static string What(ComfyRunOutput output) => $"Output {output.Index} of run {output.RunId}";

    private static async Task<Uri?> FreshLinkAsync(ComfyRunOutput output, ComfyDeployClient client, CancellationToken stop)
    {
        ComfyRun run = await client.GetRunAsync(output.RunId!, stop).ConfigureAwait(false);
        return run.Outputs.FirstOrDefault(other => other.Index == output.Index && other.FileName == output.FileName)?.Url;
    }

    private void WriteSaved()
    {
        foreach (Saved saved in Await(_ => _downloads.TakeAsync()))
        {
            if (saved.Error is not null)
            {
                Defer(saved.Error, saved.Output);
                continue;
            }
            // As Get-Item gives it: with all that the file table shows.
            PSObject file = InvokeProvider.Item.Get([saved.Path], force: true, literalPath: true)[0];
            file.Properties.Add(new PSNoteProperty("RunId", saved.Output.RunId));
            file.Properties.Add(new PSNoteProperty("Index", saved.Output.Index));
            file.Properties.Add(new PSNoteProperty("DeploymentName", saved.Output.Run?.DeploymentName));
            WriteObject(file);
        }
    }

    private sealed record Saved(ComfyRunOutput Output, string Path, ComfyDeployException? Error);
}
