using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>The base of all cmdlets: clients, the only place that blocks, Ctrl+C, and error reporting.</summary>
public abstract class ComfyDeployCommand : PSCmdlet, IDisposable
{
    private static readonly TimeSpan StopCheck = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private readonly PipelineQueue _queue;
    private readonly Dictionary<ComfyConnection, ComfyDeployClient> _clients = [];
    private readonly HashSet<string> _foreignNames = [];
    private readonly List<(ComfyDeployException Error, object? Target)> _deferred = [];
    private IClock _clock = SystemClock.Instance;

    private protected ComfyDeployCommand()
    {
        _queue = new(this);
        Preferences = new(this);
    }

    /// <summary>Canceled by Ctrl+C.</summary>
    internal CancellationToken Stop => _stop.Token;

    /// <summary>Messages of the cmdlet and of its background work. They are written where they cannot cost a result.</summary>
    internal PipelineQueue Log => _queue;

    internal StreamPreferences Preferences { get; }

    /// <summary>A bar on the progress stream; where nobody would see it, nothing is written.</summary>
    internal ProgressBar NewBar(IClock clock) => new(
        record =>
        {
            if (!Console.IsOutputRedirected && !Preferences.EndPipeline("Progress")) WriteProgress(record);
        },
        clock);

    /// <summary>Called a few times a second while the cmdlet waits.</summary>
    private protected virtual void OnTick() { }

    /// <summary>Called before a write that may end the pipeline: the last chance to write what must not be lost.</summary>
    private protected virtual void OnEnding() { }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        WriteQueued();
        ReportDeferred();
    }

    internal bool IsWhatIf => MyInvocation.BoundParameters.TryGetValue("WhatIf", out object? given)
        ? ((SwitchParameter)given).IsPresent
        : LanguagePrimitives.IsTrue(GetVariableValue("WhatIfPreference"));

    /// <inheritdoc/>
    protected override void StopProcessing() => _stop.Cancel();

    /// <summary>Cancels unfinished work, also after Ctrl+C or an error, when EndProcessing does not run.</summary>
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

    /// <summary>Blocks the pipeline thread, here and nowhere else, until the work is done; writes its messages in the meantime.</summary>
    /// <param name="work">The work.</param>
    /// <param name="canEndEarly">Cancel the work when a message may end the pipeline; otherwise it completes first.</param>
    internal T Await<T>(Func<CancellationToken, Task<T>> work, bool canEndEarly = false)
    {
        WriteQueued();
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        // On another thread, so that a host's synchronization context cannot cause a deadlock.
        Task<T> task = Task.Run(() => work(ending.Token), CancellationToken.None);
        Block(task, canEndEarly ? ending.Cancel : null);
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Waits for the next results of parallel work. They leave it on the pipeline thread, so that none can be lost.</summary>
    internal IReadOnlyList<T> Take<T>(OrderedWork<T> work)
    {
        WriteQueued();
        Block(work.First, onEnding: null);
        try
        {
            return work.Take();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
    }

    private void Block(Task work, Action? onEnding)
    {
        try
        {
            _queue.Run(work, _clock, OnTick, onEnding, Stop);
            work.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
    }

    internal void Await(Func<CancellationToken, Task> work) => Await(async cancellationToken =>
    {
        await work(cancellationToken).ConfigureAwait(false);
        return true;
    });

    /// <summary>Blocks until the work has ended, however it ends, or the time has passed; Ctrl+C meanwhile ends it too.</summary>
    internal void WaitFor(Task work, TimeSpan time)
    {
        bool isStopping = Stopping;
        DateTime end = _clock.Now + time;
        // StopProcessing is not called any more once an error of another command has ended the pipeline: only its state tells.
        while (!work.IsCompleted && (isStopping || !Stopping) && end - _clock.Now is var left && left > TimeSpan.Zero)
        {
            _clock.Wait([((IAsyncResult)work).AsyncWaitHandle], left < StopCheck ? left : StopCheck);
        }
    }

    /// <summary>The full path of a file or folder, which need not exist. The path is relative to $PWD and literal.</summary>
    private protected string FileSystemPath(string path, string parameterName)
    {
        string whole = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
        if (provider.Name != "FileSystem")
        {
            ThrowTerminating(new(ErrorIds.InvalidInput, $"-{parameterName} '{path}' is not a file system path."), path);
        }
        return whole;
    }

    /// <summary>The full path that a text means, relative to $PWD; null when it is no path of the file system.</summary>
    internal string? FileSystemPathOrNull(string text)
    {
        try
        {
            string whole = SessionState.Path.GetUnresolvedProviderPathFromPSPath(text, out ProviderInfo provider, out _);
            return provider.Name == "FileSystem" ? whole : null;
        }
        // Any text may come in, such as one that looks like a drive.
        catch (Exception e) when (e is SessionStateException or ArgumentException or NotSupportedException or IOException)
        {
            return null;
        }
    }

    /// <summary>Writes the messages of background work. <see cref="OnEnding"/> must know the results that are not written yet.</summary>
    internal void WriteQueued()
    {
        if (_queue.IsEnding) OnEnding();
        _queue.Drain();
    }

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
            Log.Open();
            _clients.Add(connection, client = new(ApiSession.For(connection), Log));
        }
        _clock = client.Session.Clock;
        return client;
    }

    /// <summary>A client without retries, so that a check reports transient failures.</summary>
    private protected ComfyDeployClient ClientForCheck(ComfyConnection connection, TimeSpan? requestTimeout = null) =>
        new(ClientFor(connection).Session, Log) { MaxRetries = 0, RequestTimeout = requestTimeout };

    /// <summary>Reports an error that concerns one input; an error that concerns all inputs ends the cmdlet.</summary>
    internal void ReportOrEnd(ComfyDeployException error, object? target)
    {
        if (ConcernsAll(error)) ThrowTerminating(error, target);
        WriteError(ErrorRecords.Create(error, target));
    }

    /// <summary>Reports an error after everything else; it ends the cmdlet only under a preference of Stop.</summary>
    internal void ReportLast(ComfyDeployException error, object? target)
    {
        if (Preferences.EndPipeline("Error")) OnEnding();
        WriteError(ErrorRecords.Create(error, target));
    }

    private static bool ConcernsAll(ComfyDeployException error) => error.ErrorId is ErrorIds.ApiKeyRejected or ErrorIds.NotConnected;

    /// <summary>Keeps an error until all work is done: with an ErrorAction of Stop, the first one ends the pipeline.</summary>
    internal void Defer(ComfyDeployException error, object? target) => _deferred.Add((error, target));

    internal void ReportDeferred()
    {
        if (_deferred.Count > 0 && Preferences.EndPipeline("Error")) OnEnding();
        // One that ends the cmdlet comes last and once for each connection, so that it hides no other.
        (ComfyDeployException Error, object? Target)[] errors =
        [
            .. _deferred.Where(deferred => !ConcernsAll(deferred.Error)),
            .. _deferred.Where(deferred => ConcernsAll(deferred.Error)).GroupBy(deferred => deferred.Error.Message)
                .Select(same => same.First()),
        ];
        _deferred.Clear();
        for (int i = 0; i < errors.Length; i++)
        {
            if (i == errors.Length - 1) ReportOrEnd(errors[i].Error, errors[i].Target);
            else WriteError(ErrorRecords.Create(errors[i].Error, errors[i].Target));
        }
    }

    [DoesNotReturn]
    internal void ThrowTerminating(ComfyDeployException error, object? target)
    {
        OnEnding();
        ErrorRecord record = ErrorRecords.Create(error, target);
        // A terminating error ends only the statement; an error written with -ErrorAction Stop ends the script, with exit code 1.
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
        Log.Warning($"These objects come from connection '{namedByObject}', but the cmdlet uses '{used.Name}'. "
            + $"To use the other connection, specify -Connection {CommandLine.Quote(namedByObject)}.");
    }
}
