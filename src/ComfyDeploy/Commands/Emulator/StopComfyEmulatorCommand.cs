using System.Management.Automation;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsLifecycle.Stop, "ComfyEmulator", SupportsShouldProcess = true), OutputType(typeof(void))]
public sealed class StopComfyEmulatorCommand : ComfyDeployCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public ComfyEmulator[]? Emulator { get; set; }

    protected override void ProcessRecord()
    {
        foreach (ComfyEmulator emulator in Emulator ?? RunningEmulators.List())
        {
            if (ShouldProcess(emulator.BaseUri.ToString(), "Stop emulator")) RunningEmulators.Stop(emulator);
        }
    }
}
