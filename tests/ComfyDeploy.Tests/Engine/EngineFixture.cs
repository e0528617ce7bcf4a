using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace ComfyDeploy.Tests.Engine;

/// <summary>A session of a real PowerShell engine that has imported the built module through its manifest.</summary>
internal sealed class EngineFixture : IDisposable
{
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly CapturingHost _host;

    static EngineFixture() => Environment.SetEnvironmentVariable("PSModulePath", Path.GetDirectoryName(BuiltModule.Folder));

    internal EngineFixture(CapturingHost? host = null)
    {
        _host = host ?? new CapturingHost();
        // CreateDefault() wants the modules of a whole PowerShell, which this package does not include.
        Runspace = RunspaceFactory.CreateRunspace(_host, InitialSessionState.CreateDefault2());
        Runspace.Open();
        Run("Import-Module $manifest -ErrorAction Stop", ("manifest", BuiltModule.Manifest));
    }

    internal Runspace Runspace { get; }

    public void Dispose() => Runspace.Dispose();

    internal void Set(string name, object? value) => Runspace.SessionStateProxy.SetVariable(name, value);

    /// <summary>Runs a script that must write no error.</summary>
    internal EngineRun Run(string script, params (string Name, object? Value)[] variables)
    {
        EngineRun run = RunWithErrors(script, variables);
        Assert.False(run.Errors.Count > 0, $"{script}{Environment.NewLine}{string.Join(Environment.NewLine, run.Errors.Select(e => $"{e.FullyQualifiedErrorId}: {e}"))}");
        return run;
    }

    /// <summary>Runs a script whose errors the test checks.</summary>
    internal EngineRun RunWithErrors(string script, params (string Name, object? Value)[] variables)
    {
        foreach ((string name, object? value) in variables) Set(name, value);
        using Underway underway = Begin(script);
        return underway.Finish();
    }

    /// <summary>Starts a script and returns at once.</summary>
    internal Underway Begin(string script) => new(Runspace, script, _host);
}

/// <summary>A script that is running.</summary>
internal sealed class Underway : IDisposable
{
    private readonly PowerShell _shell;
    private readonly PSDataCollection<PSObject> _output = [];
    private readonly IAsyncResult _call;
    private readonly CapturingHost _host;

    internal Underway(Runspace runspace, string script, CapturingHost host)
    {
        _host = host;
        _host.Clear();
        _shell = PowerShell.Create(runspace);
        _shell.AddScript(script);
        _call = _shell.BeginInvoke<PSObject, PSObject>(null, _output);
    }

    /// <summary>The output so far.</summary>
    internal IReadOnlyList<PSObject> SoFar => [.. _output];

    internal IReadOnlyList<ErrorRecord> Errors => [.. _shell.Streams.Error];

    internal PSInvocationState State => _shell.InvocationStateInfo.State;

    public void Dispose() => _shell.Dispose();

    /// <summary>Ctrl+C; returns when the pipeline has stopped.</summary>
    internal void Stop() => _shell.Stop();

    internal EngineRun Finish()
    {
        ErrorRecord? ending = null;
        if (!_call.AsyncWaitHandle.WaitOne(EngineFixture.Limit))
        {
            _shell.Stop();
            Assert.Fail($"The script did not end within {EngineFixture.Limit}.");
        }
        try
        {
            _shell.EndInvoke(_call);
        }
        catch (RuntimeException e)
        {
            ending = e.ErrorRecord;
        }
        PSDataStreams streams = _shell.Streams;
        List<ErrorRecord> errors = [.. streams.Error];
        // With an ErrorAction of Stop, the engine writes the record before it throws it.
        if (ending is not null && !errors.Exists(error => ReferenceEquals(error.Exception, ending.Exception) || error.FullyQualifiedErrorId == ending.FullyQualifiedErrorId)) errors.Add(ending);
        return new EngineRun
        {
            Objects = [.. _output],
            Errors = errors,
            Threw = ending is not null,
            Warnings = [.. streams.Warning.Select(record => record.Message)],
            Verbose = [.. streams.Verbose.Select(record => record.Message)],
            Debug = [.. streams.Debug.Select(record => record.Message)],
            Information = [.. streams.Information],
            Progress = [.. streams.Progress],
            Shown = _host.Text,
        };
    }
}
