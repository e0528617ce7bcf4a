using System.Runtime.CompilerServices;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Commands;

/// <summary>The emulators this process has started.</summary>
internal static class RunningEmulators
{
    private static readonly List<ComfyEmulator> Running = [];

    internal static void Add(ComfyEmulator emulator)
    {
        lock (Running) Running.Add(emulator);
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
