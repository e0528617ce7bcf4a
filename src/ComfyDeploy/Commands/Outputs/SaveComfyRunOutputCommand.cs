using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsData.Save, "ComfyRunOutput", SupportsShouldProcess = true), OutputType(typeof(FileInfo))]
public sealed class SaveComfyRunOutputCommand : ConnectedCommand
{
    private RunBatch<(RunReadResult Read, int? Index)> _runs = null!;
    private OutputSaver? _saver;

    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = ".";

    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [ValidateNotNull]
    [Reference(ReferenceKind.Run)]
    [ArgumentCompleter(typeof(RunIdCompleter))]
    public ComfyReference[] RunId { get; set; } = [];

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(OutputKindCompleter))]
    public string[]? Kind { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NameTemplateCompleter))]
    public string NameTemplate { get; set; } = OutputNameTemplate.Default;

    [Parameter]
    public ExistingFile? Existing { get; set; }

    [Parameter]
    [ValidateRange(1, 64)]
    public int ThrottleLimit { get; set; } = Throttle.DefaultLimit;

    protected override void BeginProcessing()
    {
        if (KnownWords.OutputKinds.Fault(nameof(Kind), Kind) is { } fault) ThrowTerminating(fault, Kind);
        string folder = FileSystemPath(Path, nameof(Path));
        if (File.Exists(folder)) ThrowTerminating(new(ErrorIds.InvalidInput, $"-Path '{Path}' is a file. Specify a folder."), Path);
        try
        {
            OutputNameTemplate names = new(NameTemplate);
            ExistingFile existing = Existing ?? (names.IdentifiesOutput ? ExistingFile.Skip : ExistingFile.Rename);
            _saver = new(this, new(folder, existing), names, existing, ThrottleLimit);
        }
        catch (ComfyDeployException e)
        {
            ThrowTerminating(e, NameTemplate);
        }
        _runs = new(this, Begin, Plan) { Key = run => (run.RunId, IndexOf(run.Reference)) };
    }

    protected override void ProcessRecord()
    {
        _runs.Add(RunId);
        _saver!.WriteReady();
        WriteQueued();
    }

    private protected override void OnTick() => _saver?.ShowProgress();

    protected override void EndProcessing()
    {
        _runs.Drain();
        _saver!.Finish();
        base.EndProcessing();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _saver?.Close(Stopping);
        base.Dispose(disposing);
    }

    /// <summary>An output, or a row with an Index, means that output alone; a run or its ID means all its outputs.</summary>
    private static int? IndexOf(ComfyReference reference)
    {
        if (reference.Object<ComfyRunOutput>() is { } output) return output.Index;
        bool isRow = reference.Object<ComfyRun>() is null;
        return isRow && int.TryParse(reference.Property("Index"), NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? index
            : null;
    }

    private Func<ComfyRunOutput, bool> Wanted(int? index) => output => output.IsOfKind(Kind) && (index is null || output.Index == index);

    private Func<CancellationToken, Task<(RunReadResult Read, int? Index)>> Begin(RequestedRun run)
    {
        int? index = IndexOf(run.Reference);
        if (_saver!.Recorded(run, Wanted(index)) is { } recorded) return _ => Task.FromResult((recorded, index));
        return async cancellationToken => (await run.ReadWholeAsync(cancellationToken).ConfigureAwait(false), index);
    }

    private void Plan(IReadOnlyList<(RunReadResult Read, int? Index)> runs)
    {
        foreach ((RunReadResult read, int? index) in runs)
        {
            if (read.Error is not null) Defer(read.Error, read.RunId);
            else _saver!.Add(read, Wanted(index));
        }
    }
}
