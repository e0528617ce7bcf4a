using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Engine;

/// <summary>A test with two accounts and no connection: <c>$key1</c> and <c>$uri1</c>, <c>$key2</c> and <c>$uri2</c>.</summary>
public abstract class TwoAccountsTest : IDisposable
{
    private protected TwoAccountsTest()
    {
        Engine.Set("key1", First.ApiKey);
        Engine.Set("uri1", First.BaseUri);
        Engine.Set("key2", Second.ApiKey);
        Engine.Set("uri2", Second.BaseUri);
    }

    private protected ComfyEmulator First { get; } = ComfyEmulator.Start(new() { Speed = 0 });

    private protected ComfyEmulator Second { get; } = ComfyEmulator.Start(new() { Speed = 0 });

    private protected EngineFixture Engine { get; } = new();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected virtual void Dispose(bool disposing)
    {
        if (!disposing) return;
        Engine.Run("$PSDefaultParameterValues = @{}; Get-ComfyConnection | Disconnect-ComfyDeploy");
        Engine.Dispose();
        First.Dispose();
        Second.Dispose();
    }
}
