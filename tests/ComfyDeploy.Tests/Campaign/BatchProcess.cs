using System.Diagnostics;
using System.Globalization;
using System.Text;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>One call of the command of a batch, in a process of its own, which can be killed.</summary>
internal sealed class BatchProcess : IDisposable
{
    private const string Script = """
        $ErrorActionPreference = 'Continue'
        $hook = [System.Reflection.Assembly]::LoadFrom($env:TEST_ASSEMBLY).GetType('ComfyDeploy.Tests.Campaign.ScaledClient')
        $connect = $hook.GetMethod('Connect', [System.Reflection.BindingFlags]'Static, NonPublic')
        $rows = foreach ($n in 1..$env:TEST_ROWS) { [pscustomobject]@{ prompt = "fox $n"; shot = "s$n" } }
        [Console]::Out.WriteLine('ready')
        $null = [Console]::In.ReadLine()
        $c = $connect.Invoke($null, @($env:TEST_BASE_URI, $env:TEST_KEY, $env:TEST_NOW))
        $null = $rows |
            Start-ComfyRun portrait -LabelColumn shot -MaxInFlight 10 -Manifest $env:TEST_MANIFEST -Connection $c -ErrorVariable +failures |
            Wait-ComfyRun -OutVariable runs -ErrorVariable +failures |
            Save-ComfyRunOutput $env:TEST_FOLDER -NameTemplate '{Label}{Extension}' -OutVariable files -ErrorVariable +failures
        $good = @($runs | Where-Object IsSuccess)
        [Console]::Out.WriteLine("ended: $($good.Count) runs, $($files.Count) files, $($failures.Count) errors")
        """;

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="emulator">The service.</param>
    /// <param name="scripts">A folder for the script.</param>
    /// <param name="manifest">The manifest.</param>
    /// <param name="folder">Where files go.</param>
    /// <param name="rows">How many rows the batch has.</param>
    internal BatchProcess(ComfyEmulator emulator, TemporaryFolder scripts, string manifest, string folder, int rows)
    {
        ProcessStartInfo start = new("dotnet", [DemoProcess.Assembly, scripts.Write("batch.ps1", Script)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in (ReadOnlySpan<(string, string)>)
        [
            ("TEST_ASSEMBLY", typeof(BatchProcess).Assembly.Location),
            ("TEST_ROWS", rows.ToString(CultureInfo.InvariantCulture)),
            ("TEST_BASE_URI", emulator.BaseUri.AbsoluteUri),
            ("TEST_KEY", emulator.ApiKey.Reveal()),
            ("TEST_NOW", emulator.Now.Ticks.ToString(CultureInfo.InvariantCulture)),
            ("TEST_MANIFEST", manifest),
            ("TEST_FOLDER", folder),
        ])
        {
            start.Environment[name] = value;
        }
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, e) => Receive(e.Data);
        _process.ErrorDataReceived += (_, e) => Receive(e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    internal bool HasExited => _process.HasExited;

    /// <summary>What it wrote, streams together.</summary>
    internal string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.Dispose();
    }

    /// <summary>Completes when the engine and the module are loaded; nothing is sent before <see cref="Begin"/>.</summary>
    internal Task LoadAsync(CancellationToken cancellationToken) => _ready.Task.WaitAsync(cancellationToken);

    internal void Begin() => _process.StandardInput.WriteLine();

    internal void Kill() => _process.Kill();

    /// <summary>Completes when the process is gone and all that it wrote has arrived.</summary>
    internal Task ExitAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    private void Receive(string? line)
    {
        if (line == "ready") _ready.TrySetResult();
        lock (_output) _output.AppendLine(line);
    }
}
