using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using ComfyDeploy.Demo;

// Hosts a real PowerShell engine, imports the built module through its manifest, starts the emulator, and runs demo.ps1 or a given script.
string manifest = Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "ModuleManifest").Value!;
string script = Path.GetFullPath(args.Length > 0 ? args[0] : Path.Combine(AppContext.BaseDirectory, "demo.ps1"));
if (!File.Exists(script))
{
    Console.Error.WriteLine($"The script '{script}' does not exist.");
    return 1;
}

ConsoleHost host = new();
InitialSessionState session = InitialSessionState.CreateDefault2();
if (OperatingSystem.IsWindows()) session.ExecutionPolicy = Microsoft.PowerShell.ExecutionPolicy.RemoteSigned;
using Runspace runspace = RunspaceFactory.CreateRunspace(host, session);
runspace.Open();
Runspace.DefaultRunspace = runspace;

using PowerShell shell = PowerShell.Create(runspace);
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = true;
    shell.BeginStop(null, null);
};
try
{
    // Ten times as fast as the service, so that minutes of GPU time take seconds to watch.
    shell.AddScript(
        """
        param($manifest, $script)
        $ErrorActionPreference = 'Stop'
        Import-Module $manifest
        $emulator = Start-ComfyEmulator -Connect -Speed 10
        try { . $script } finally { Stop-ComfyEmulator $emulator }
        """).AddArgument(manifest).AddArgument(script);
    shell.AddCommand("Out-Default").Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
    shell.Invoke();
    // The exit code the script set.
    return runspace.SessionStateProxy.GetVariable("LASTEXITCODE") is int exitCode ? exitCode : 0;
}
catch (RuntimeException e)
{
    host.UI.WriteErrorLine($"{e.ErrorRecord.FullyQualifiedErrorId}: {e.ErrorRecord}");
    return 1;
}
