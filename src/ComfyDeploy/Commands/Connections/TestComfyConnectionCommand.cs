using System.Diagnostics;
using System.Management.Automation;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsDiagnostic.Test, "ComfyConnection"), OutputType(typeof(bool), typeof(ComfyConnectionTest))]
public sealed class TestComfyConnectionCommand : ConnectedCommand
{
    /// <summary>The connection to test; unlike elsewhere, it is the first positional parameter.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNull]
    [ConnectionArgument]
    [ArgumentCompleter(typeof(ConnectionCompleter))]
    public override ComfyConnection? Connection { get; set; }

    [Parameter]
    public SwitchParameter Detailed { get; set; }

    protected override void ProcessRecord()
    {
        Stopwatch watch = Stopwatch.StartNew();
        ComfyDeployException? error = null;
        ComfyDeployClient client = ClientForCheck(DefaultConnection);
        try
        {
            Await(token => client.CheckKeyAsync(token));
        }
        catch (ComfyDeployException e)
        {
            error = e;
        }
        string result = error is null ? "Ok" : ConnectionResult.Of(error);
        string message = error is null
            ? $"Connected to {DefaultConnection.BaseUri} as {DefaultConnection.UserId ?? "an unknown user"}."
            : ErrorRecords.TextOf(error);
        WriteVerbose($"{result}: {message}");
        if (Detailed) WriteObject(new ComfyConnectionTest(DefaultConnection.Name, result, (int)watch.ElapsedMilliseconds, message));
        else WriteObject(error is null);
    }
}
