using System.Management.Automation;
using System.Security;
using ComfyDeploy.Client;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Engine;

/// <summary>
/// A test with its own account and session. <c>$c</c> is the connection, which all cmdlets get as their <c>-Connection</c>, so that no
/// test depends on the process-wide default; <c>$emulator</c> is the service. Its clock moves only when a test moves it.
/// </summary>
public abstract class EngineTest : IDisposable
{
    private protected const string Queue = "/api/run/deployment/queue";
    private protected const string PortraitRuns = "/api/v2/workflow/00000020-0000-4000-8000-000000000020/runs";

    private protected EngineTest(double speed = 0, CapturingHost? host = null)
    {
        Emulator = ComfyEmulator.Start(new() { Speed = speed });
        Connection = ConnectionTo(Emulator, "test");
        Engine = new(host);
        Engine.Set("emulator", Emulator);
        Engine.Set("c", Connection);
        Engine.Run("$PSDefaultParameterValues = @{ '*-Comfy*:Connection' = $c }");
    }

    private protected ComfyEmulator Emulator { get; }

    private protected ComfyConnection Connection { get; }

    private protected EngineFixture Engine { get; }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected static ComfyConnection ConnectionTo(ComfyEmulator emulator, string name, SecureString? key = null, TimeSpan? requestTimeout = null) =>
        new(name, emulator.BaseUri, (key ?? emulator.ApiKey).Copy(), ApiKeyOwner.Read(key ?? emulator.ApiKey), requestTimeout ?? TimeSpan.FromSeconds(30));

    /// <summary>Another connection to the same account, whose pauses take no time.</summary>
    private protected ComfyConnection WithoutPauses(TimeSpan? requestTimeout = null)
    {
        ComfyConnection connection = ConnectionTo(Emulator, "hasty", requestTimeout: requestTimeout);
        ApiSession.Attach(new(connection, new HttpClientHandler { AllowAutoRedirect = false }, new HastyClock()));
        return connection;
    }

    /// <summary>The number of requests received for a path.</summary>
    private protected int Count(string method, string path) => Emulator.Requests.Count(request => request.Method == method && request.Path == path);

    /// <summary>Queues runs of portrait/production, one for each prompt, a second apart.</summary>
    private protected IReadOnlyList<string> Start(params string[] prompts)
    {
        List<string> ids = [];
        foreach (string prompt in prompts)
        {
            ids.Add(Engine.Run("Start-ComfyRun portrait @{ prompt = $prompt }", ("prompt", prompt)).Runs[0].RunId!);
            Emulator.Advance(TimeSpan.FromSeconds(1));
        }
        return ids;
    }

    /// <summary>Moves the clock until all runs that can end have ended.</summary>
    private protected void LetAllEnd() => Emulator.Advance(TimeSpan.FromHours(1));

    private protected static string IdOf(ErrorRecord error) => EngineRun.IdOf(error);

    private protected virtual void Dispose(bool disposing)
    {
        if (!disposing) return;
        Engine.Dispose();
        Emulator.Dispose();
    }

    private sealed class HastyClock : IClock
    {
        private long _slept;

        public DateTime Now => DateTime.UtcNow + TimeSpan.FromTicks(Interlocked.Read(ref _slept));

        public Task DelayAsync(TimeSpan time, CancellationToken cancellationToken)
        {
            Interlocked.Add(ref _slept, time.Ticks);
            return Task.CompletedTask;
        }

        public void CancelAfter(CancellationTokenSource source, TimeSpan time) => source.CancelAfter(time);

        public double Jitter() => Random.Shared.NextDouble();

        public void Wait(WaitHandle[] handles, TimeSpan time) => WaitHandle.WaitAny(handles, time);
    }
}

/// <summary>For tests that use what the whole process shares: its default connection, its environment, its time.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProcessWide
{
    internal const string Name = "Process-wide state";
}
