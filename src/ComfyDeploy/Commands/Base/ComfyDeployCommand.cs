using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>What every cmdlet shares: the connection, one place that blocks, Ctrl+C, and one way to report an error.</summary>
public abstract class ComfyDeployCommand : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PipelineQueue _queue = new();
    private readonly Dictionary<ComfyConnection, ComfyDeployClient> _clients = [];
    private readonly HashSet<string> _foreignNames = [];
    private IClock _clock = SystemClock.Instance;
    private readonly List<(ComfyDeployException Error, object? Target)> _deferred = [];

    /// <summary>Ends with Ctrl+C.</summary>
    internal CancellationToken Stop => _stop.Token;

    internal ICallLog Log => _queue;

    /// <summary>Called a few times a second while the cmdlet waits.</summary>
    private protected virtual void OnTick() { }

    /// <inheritdoc/>
    protected override void StopProcessing() => _stop.Cancel();

    /// <summary>Ends what is still under way; also after Ctrl+C and after an error, when EndProcessing does not run.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc cref="Dispose()"/>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing) return;
        _stop.Cancel();
        _stop.Dispose();
    }

    /// <summary>Blocks the pipeline thread, here and nowhere else, until the work is done; writes its messages meanwhile.</summary>
    internal T Await<T>(Func<CancellationToken, Task<T>> work)
    {
        // Off this thread, so that no host's synchronization context can lock us out.
        Task<T> task = Task.Run(() => work(Stop), CancellationToken.None);
        try
        {
            _queue.Run(this, task, _clock, OnTick, Stop);
            return task.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
    }

    internal void Await(Func<CancellationToken, Task> work) => Await(async stop =>
    {
        await work(stop).ConfigureAwait(false);
        return true;
    });

    /// <summary>Blocks until the work has ended, however it ends, or the time has passed.</summary>
    internal void WaitFor(Task work, TimeSpan time)
    {
        if (!work.IsCompleted) _clock.Wait([((IAsyncResult)work).AsyncWaitHandle], time);
    }

    /// <summary>The whole path of a file or folder, which need not exist; relative to $PWD, and taken literally.</summary>
    private protected string FileSystemPath(string path, string parameterName)
    {
        string whole = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
        if (provider.Name != "FileSystem")
        {
            ThrowTerminating(new(ErrorIds.InvalidInput, $"-{parameterName} '{path}' is not a file system path."), path);
        }
        return whole;
    }

    /// <summary>Writes what background work has said since.</summary>
    private protected void WriteQueued() => _queue.Drain(this);

    /// <summary>The client of a connection, one per cmdlet.</summary>
    private protected ComfyDeployClient ClientFor(ComfyConnection connection)
    {
        if (connection.IsClosed)
        {
            string message = $"The connection '{connection.Name}' is closed. Connect again with Connect-ComfyDeploy.";
            ThrowTerminating(new(ErrorIds.NotConnected, message), connection.BaseUri);
        }
        if (!_clients.TryGetValue(connection, out ComfyDeployClient? client))
        {
            _clients.Add(connection, client = new(ApiSession.For(connection), Log));
        }
        _clock = client.Session.Clock;
        return client;
    }

    /// <summary>A failure that concerns one input: the next goes on. A failure that concerns all of them ends the cmdlet.</summary>
    internal void ReportOrEnd(ComfyDeployException error, object? target)
    {
        if (error.ErrorId is ErrorIds.ApiKeyRejected or ErrorIds.NotConnected) ThrowTerminating(error, target);
        WriteError(ErrorRecords.Create(error, target));
    }

    /// <summary>Keeps an error until all work is done: under a preference of Stop the first one ends the pipeline.</summary>
    internal void Defer(ComfyDeployException error, object? target) => _deferred.Add((error, target));

    internal void ReportDeferred()
    {
        foreach ((ComfyDeployException error, object? target) in _deferred) ReportOrEnd(error, target);
        _deferred.Clear();
    }

    [DoesNotReturn]
    internal void ThrowTerminating(ComfyDeployException error, object? target)
    {
        ErrorRecord record = ErrorRecords.Create(error, target);
        // A terminating error ends the statement alone; one that is written under -ErrorAction Stop ends the script, with exit code 1.
        bool endsScript = MyInvocation.BoundParameters.TryGetValue("ErrorAction", out object? action) && action is ActionPreference.Stop;
        if (endsScript) WriteError(record);
        ThrowTerminatingError(record);
        // Not reached: the compiler does not know that the line above always throws.
        throw new PipelineStoppedException();
    }

    /// <summary>Warns once for each connection name when an object names another connection than the one used.</summary>
    private protected void WarnOfOtherConnection(string? namedByObject, ComfyConnection used)
    {
        if (namedByObject is null || string.Equals(namedByObject, used.Name, StringComparison.OrdinalIgnoreCase)) return;
        if (!_foreignNames.Add(namedByObject)) return;
        WriteWarning($"These objects come from connection '{namedByObject}', but '{used.Name}' is asked. "
            + $"Give -Connection {namedByObject} if that account is meant.");
    }
}
