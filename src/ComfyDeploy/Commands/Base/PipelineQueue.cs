using System.Collections.Concurrent;
using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>What background work has to say, kept until the pipeline thread, which alone may write, says it.</summary>
internal sealed class PipelineQueue : ICallLog
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentQueue<Action<Cmdlet>> _lines = new();
    private readonly AutoResetEvent _changed = new(false);

    public void Warning(string message) => Add(cmdlet => cmdlet.WriteWarning(message));

    public void Verbose(string message) => Add(cmdlet => cmdlet.WriteVerbose(message));

    public void Debug(string message) => Add(cmdlet => cmdlet.WriteDebug(message));

    /// <summary>Blocks until the work is done or stopped, and writes its lines as they come.</summary>
    internal void Run(Cmdlet cmdlet, Task work, IClock clock, Action onTick, CancellationToken stop)
    {
        _ = work.ContinueWith(_ =>
            _changed.Set(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        WaitHandle[] handles = [_changed, stop.WaitHandle];
        while (!work.IsCompleted)
        {
            clock.Wait(handles, Tick);
            stop.ThrowIfCancellationRequested();
            Drain(cmdlet);
            onTick();
        }
        Drain(cmdlet);
    }

    internal void Drain(Cmdlet cmdlet)
    {
        while (_lines.TryDequeue(out Action<Cmdlet>? write)) write(cmdlet);
    }

    private void Add(Action<Cmdlet> line)
    {
        _lines.Enqueue(line);
        _changed.Set();
    }
}
