using System.Net.Sockets;
using System.Runtime.CompilerServices;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Commands;

/// <summary>The emulators this process has started.</summary>
internal static class RunningEmulators
{
    private static readonly List<ComfyEmulator> Running = [];

    /// <summary>Starts an emulator, or ends the cmdlet with the reason why it cannot start.</summary>
    internal static ComfyEmulator StartOrEnd(ComfyDeployCommand cmdlet, EmulatorOptions options)
    {
        ComfyEmulator? emulator = null;
        try
        {
            emulator = ComfyEmulator.Start(options);
        }
        catch (SocketException e)
        {
            string message = $"Port {options.Port} of this computer cannot be used: {e.Message}. Omit -Port to use a free port.";
            cmdlet.ThrowTerminating(new(ErrorIds.PortInUse, message, e), options.Port);
        }
        catch (EmulatorSeedException e)
        {
            cmdlet.ThrowTerminating(new(ErrorIds.SeedInvalid, e.Message, e), options.SeedPath);
        }
        catch (ArgumentException e)
        {
            cmdlet.ThrowTerminating(new(ErrorIds.FaultInvalid, e.Message, e), options.Faults);
        }
        lock (Running) Running.Add(emulator);
        return emulator;
    }

    // Not inlined, so that a caller without an emulator does not load its assembly.
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ComfyEmulator[] List()
    {
        lock (Running) return [.. Running];
    }

    internal static void Stop(ComfyEmulator emulator)
    {
        lock (Running) Running.Remove(emulator);
        emulator.Stop();
        foreach (ComfyConnection connection in ConnectionStore.List())
        {
            if (connection.BaseUri == emulator.BaseUri) ConnectionStore.Remove(connection);
        }
    }
}
