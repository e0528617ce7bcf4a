using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Engine;

/// <summary>A test with a folder to save to, <c>$folder</c>.</summary>
public abstract class OutputsTest : EngineTest
{
    private protected const string MissingId = "11111111-2222-4333-8444-555555555555";

    private readonly TemporaryFolder _folder = new();

    private protected OutputsTest(double speed = 0, CapturingHost? host = null) : base(speed, host) => Engine.Set("folder", Folder);

    private protected string Folder => _folder.Path;

    /// <summary>The files in the folder and below, relative to it, in order.</summary>
    private protected string[] Files => [.. Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Folder, path)).Order(StringComparer.Ordinal)];

    private protected IReadOnlyList<EmulatorRequest> Downloads => [.. Emulator.Requests.Where(request => request.IsStorage)];

    /// <summary>The ID of a run that has ended.</summary>
    private protected string Ended(string prompt)
    {
        string id = Start(prompt)[0];
        LetAllEnd();
        return id;
    }

    /// <summary>From now on, pauses between attempts take no time.</summary>
    private protected void Hasten() => Engine.Run("$PSDefaultParameterValues = @{ '*-Comfy*:Connection' = $hasty }", ("hasty", WithoutPauses()));

    /// <summary>A finished run that was already read, with files of these names and links.</summary>
    private protected ComfyRun Whole(string id, params (string Name, Uri Link)[] files)
    {
        ComfyRun run = new() { RunId = id, Status = "success", IsDetailed = true, Connection = Connection, DeploymentName = "portrait/production" };
        IEnumerable<ComfyRunOutput> outputs = files.Select((file, i) => new ComfyRunOutput { Run = run, Index = i, Kind = "image", FileName = file.Name, Url = file.Link });
        run.Outputs = new([.. outputs]);
        return run;
    }

    private protected int Polls(string id) => Count("GET", $"/api/run/{id}");

    private protected int Cancels(string id) => Count("POST", $"/api/run/{id}/cancel");

    /// <summary>Waits until a condition is true, at most as long as a test may take.</summary>
    private protected static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(EngineFixture.Limit);
        while (!condition()) await Task.Delay(5, limit.Token);
    }

    private protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing) _folder.Dispose();
    }
}
