using System.Collections.Concurrent;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>
/// The messages of background work, kept until the pipeline thread, which alone may write, writes them. A message that may end the
/// pipeline, such as a warning under a preference of Stop, is held back until all results are written.
/// </summary>
internal sealed class PipelineQueue(ComfyDeployCommand cmdlet) : ICallLog
{
    // A message may contain text of the service, which may be of any length.
    private const int MaxLength = 30_000;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentQueue<(string Stream, Action Write)> _messages = new();
    private readonly AutoResetEvent _changed = new(false);
    private volatile bool _isDebugSilent;

    /// <summary>Whether the next message may end the pipeline.</summary>
    internal bool IsEnding => _messages.TryPeek(out (string Stream, Action) next) && cmdlet.Preferences.EndPipeline(next.Stream);

    public void Warning(string message) => Add("Warning", () => cmdlet.WriteWarning(SafeText.Shorten(message, MaxLength)));

    public void Verbose(string message) => Add("Verbose", () => cmdlet.WriteVerbose(SafeText.Shorten(message, MaxLength)));

    public void Debug(string message)
    {
        if (!_isDebugSilent) Add("Debug", () => cmdlet.WriteDebug(SafeText.Shorten(message, MaxLength)));
    }

    internal void Information(string message) => Add("Information", () => cmdlet.WriteInformation(message, ["ComfyRun"]));

    /// <summary>
    /// Called on the pipeline thread before work begins. There is a debug message for each request, and each message wakes that thread:
    /// none is kept that nobody sees.
    /// </summary>
    internal void Open() => _isDebugSilent = cmdlet.Preferences.IsSilent("Debug");

    /// <summary>Blocks until the work is done or stopped, and writes its messages as they come.</summary>
    /// <param name="work">What to wait for.</param>
    /// <param name="clock">Measures the ticks.</param>
    /// <param name="onTick">Called a few times a second.</param>
    /// <param name="onEnding">Called when a message may end the pipeline, so that the work can end early.</param>
    /// <param name="cancellationToken">Canceled by Ctrl+C.</param>
    internal void Run(Task work, IClock clock, Action onTick, Action? onEnding, CancellationToken cancellationToken)
    {
        _ = work.ContinueWith(
            _ => _changed.Set(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        WaitHandle[] handles = [_changed, cancellationToken.WaitHandle];
        while (!work.IsCompleted)
        {
            clock.Wait(handles, Tick);
            cancellationToken.ThrowIfCancellationRequested();
            WriteHarmless();
            if (IsEnding) onEnding?.Invoke();
            else onTick();
        }
        WriteHarmless();
    }

    /// <summary>Writes all messages, whatever follows.</summary>
    internal void Drain()
    {
        while (_messages.TryDequeue(out (string, Action Write) message)) message.Write();
    }

    /// <summary>Writes the messages up to one that may end the pipeline.</summary>
    internal void WriteHarmless()
    {
        while (!IsEnding && _messages.TryDequeue(out (string, Action Write) message)) message.Write();
    }

    private void Add(string stream, Action write)
    {
        _messages.Enqueue((stream, write));
        _changed.Set();
    }
}
