using System.Management.Automation;
using System.Net.Sockets;
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

    [Parameter, ValidateNotNullOrEmpty]
    public string[] Fault { get; set; } = [];

    [Parameter]
    public SwitchParameter Connect { get; set; }

    protected override void ProcessRecord()
    {
        if (!ShouldProcess($"127.0.0.1:{(Port == 0 ? "a free port" : Port)}", "Start emulator")) return;
        ComfyEmulator emulator = StartEmulator();
        RunningEmulators.Add(emulator);
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

    private ComfyEmulator StartEmulator()
    {
        string? seed = SeedPath is null ? null : FileSystemPath(SeedPath, nameof(SeedPath));
        ComfyEmulator? emulator = null;
        try
        {
            emulator = ComfyEmulator.Start(new() { Port = Port, SeedPath = seed, Speed = Speed, Faults = Fault });
        }
        catch (SocketException e)
        {
            string message = $"Port {Port} of this computer cannot be used: {e.Message}. Omit -Port to use a free port.";
            ThrowTerminating(new(ErrorIds.PortInUse, message, e), Port);
        }
        catch (EmulatorSeedException e)
        {
            ThrowTerminating(new(ErrorIds.SeedInvalid, e.Message, e), seed);
        }
        catch (ArgumentException e)
        {
            ThrowTerminating(new(ErrorIds.FaultInvalid, e.Message, e), Fault);
        }
        return emulator;
    }
}
