using System.Diagnostics;
using System.Reflection;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>A process that dies in the middle of its downloads.</summary>
public sealed class KilledDownloadTests : OutputsTest
{
    private const string Script = """
        $key = [System.Net.NetworkCredential]::new('', $env:TEST_KEY).SecurePassword
        Connect-ComfyDeploy -Name test -ApiKey $key -BaseUri $env:TEST_BASE_URI -SkipCheck
        Save-ComfyRunOutput $env:TEST_FOLDER -RunId $env:TEST_RUN -Connection test -ThrottleLimit 2
        """;

    private const string ManifestScript = """
        $key = [System.Net.NetworkCredential]::new('', $env:TEST_KEY).SecurePassword
        Connect-ComfyDeploy -Name test -ApiKey $key -BaseUri $env:TEST_BASE_URI -SkipCheck
        Get-ComfyRun -Manifest $env:TEST_RUN -Connection test | Save-ComfyRunOutput $env:TEST_FOLDER -NameTemplate '{BaseName}{Extension}' -ThrottleLimit 2
        """;

    [Fact]
    public async Task A_killed_process_leaves_no_partial_file_under_a_final_name_and_the_next_call_finishes()
    {
        string id = Ended("#multi=6");
        Engine.Run("Save-ComfyRunOutput $whole -RunId $id", ("id", id), ("whole", Path.Combine(Folder, "whole")));
        // The first two are fast, the others are slow.
        Emulator.AddFault("GET /outputs/* = drip 100 after=2 always");
        string killed = Path.Combine(Folder, "killed");
        using (Process child = StartChild(Script, id, killed))
        {
            await UntilAsync(() => Directory.Exists(killed) && Directory.GetFiles(killed, "*.part").Length == 2 && Directory.GetFiles(killed, "*.png").Length >= 2);
            child.Kill();
            await child.WaitForExitAsync().WaitAsync(EngineFixture.Limit);
        }
        AssertWhole(killed, atLeast: 2);
        Emulator.ClearFaults();
        Assert.Equal(6, Engine.Run("Save-ComfyRunOutput $killed -RunId $id", ("killed", killed)).Objects.Count);
        AssertWhole(killed, atLeast: 6);
        Assert.Empty(Directory.GetFiles(killed, "*.part"));
    }

    [Fact]
    public async Task A_killed_process_leaves_no_file_that_the_manifest_does_not_know_and_the_next_call_finishes()
    {
        string manifest = Path.Combine(Folder, "night.jsonl");
        Engine.Set("manifest", manifest);
        Engine.Run("$run = Start-ComfyRun portrait @{ prompt = '#multi=6' } -Manifest $manifest");
        LetAllEnd();
        Engine.Run("$run | Wait-ComfyRun | Save-ComfyRunOutput $whole -NameTemplate '{BaseName}{Extension}'", ("whole", Path.Combine(Folder, "whole")));
        Emulator.AddFault("GET /outputs/* = drip 100 after=2 always");
        string killed = Path.Combine(Folder, "killed");
        using (Process child = StartChild(ManifestScript, manifest, killed))
        {
            await UntilAsync(() => Directory.Exists(killed) && Directory.GetFiles(killed, "*.part").Length == 2 && Directory.GetFiles(killed, "*.png").Length >= 2);
            child.Kill();
            await child.WaitForExitAsync().WaitAsync(EngineFixture.Limit);
        }
        AssertWhole(killed, atLeast: 2);
        string recorded = File.ReadAllText(manifest);
        Assert.All(Directory.GetFiles(killed, "*.png"), file => Assert.Contains($"\"killed/{Path.GetFileName(file)}\"", recorded, StringComparison.Ordinal));
        Emulator.ClearFaults();
        // Another name would be taken for an existing file that is not recorded.
        Assert.Equal(6, Engine.Run("Get-ComfyRun -Manifest $manifest | Save-ComfyRunOutput $killed -NameTemplate '{BaseName}{Extension}'", ("killed", killed)).Objects.Count);
        AssertWhole(killed, atLeast: 6);
        Assert.Equal(6, Directory.GetFiles(killed).Length);
    }

    private void AssertWhole(string folder, int atLeast)
    {
        string[] files = [.. Directory.GetFiles(folder).Where(file => !file.EndsWith(".part", StringComparison.Ordinal))];
        Assert.InRange(files.Length, atLeast, 6);
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(Folder, "whole", Path.GetFileName(file))), File.ReadAllBytes(file)));
    }

    private Process StartChild(string text, string run, string folder)
    {
        string script = Path.Combine(Folder, "save.ps1");
        File.WriteAllText(script, text);
        string demo = typeof(BuiltModule).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "Demo").Value!;
        ProcessStartInfo start = new("dotnet", [demo, script]) { RedirectStandardOutput = true };
        start.Environment["TEST_KEY"] = Emulator.ApiKey.Reveal();
        start.Environment["TEST_BASE_URI"] = Emulator.BaseUri.AbsoluteUri;
        start.Environment["TEST_FOLDER"] = folder;
        start.Environment["TEST_RUN"] = run;
        return Process.Start(start)!;
    }
}
