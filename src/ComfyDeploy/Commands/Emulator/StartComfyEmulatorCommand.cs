using System.Management.Automation;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Commands;

// The emulator's types stand in attributes as text only, so that its assembly is loaded when it is started and not before.
[Cmdlet(VerbsLifecycle.Start, "ComfyEmulator", SupportsShouldProcess = true), OutputType("ComfyDeploy.Emulator.ComfyEmulator")]
public sealed class StartComfyEmulatorCommand : ComfyDeployCommand
{
    [Parameter, ValidateRange(0, 65535)]
    public int Port { get; set; }

    [Parameter, ValidateNotNullOrEmpty]
    public string? SeedPath { get; set; }

    [Parameter, ValidateRange(0d, 1_000_000d)]
    public double Speed { get; set; } = 1;

    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(FaultCompleter))]
    public string[] Fault { get; set; } = [];

    [Parameter]
    public SwitchParameter Connect { get; set; }

    protected override void ProcessRecord()
    {
        if (!ShouldProcess($"127.0.0.1:{(Port == 0 ? "a free port" : Port)}", "Start emulator")) return;
        string? seed = SeedPath is null ? null : FileSystemPath(SeedPath, nameof(SeedPath));
        ComfyEmulator emulator = RunningEmulators.StartOrEnd(this, new() { Port = Port, SeedPath = seed, Speed = Speed, Faults = Fault });
        if (Connect)
        {
            System.Security.SecureString key = emulator.ApiKey.Copy();
            key.MakeReadOnly();
            ConnectionStore.Add(new("emulator", emulator.BaseUri, key, ApiKeyOwner.Read(key), ServiceAddress.DefaultRequestTimeout),
                makeDefault: true);
        }
        WriteVerbose($"The emulator listens at {emulator.BaseUri}.");
        WriteObject(emulator);
    }
}
