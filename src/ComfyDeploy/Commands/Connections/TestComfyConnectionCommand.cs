using System.Diagnostics;
using System.Management.Automation;
using System.Net;
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
        ComfyDeployClient client = ClientForTest();
        try
        {
            Await(token => client.CheckKeyAsync(token));
        }
        catch (ComfyDeployException e)
        {
            error = e;
        }
        string result = error is null ? "Ok" : ResultOf(error);
        string message = error is null
            ? $"Connected to {DefaultConnection.BaseUri} as {DefaultConnection.UserId ?? "an unknown user"}."
            : ErrorRecords.TextOf(error);
        WriteVerbose($"{result}: {message}");
        if (Detailed) WriteObject(new ComfyConnectionTest(result, (int)watch.ElapsedMilliseconds, message));
        else WriteObject(error is null);
    }

    /// <summary>Without retries, so that a test reports transient failures.</summary>
    private ComfyDeployClient ClientForTest()
    {
        _ = Client;
        return new(ApiSession.For(DefaultConnection), Log) { MaxRetries = 0 };
    }

    private static string ResultOf(ComfyDeployException error) => error switch
    {
        { StatusCode: 407 } => "Proxy",
        { InnerException: { } cause } when IsProxy(cause) => "Proxy",
        { StatusCode: 403 } => "Forbidden",
        { ErrorId: ErrorIds.ApiKeyRejected } => "BadKey",
        { ErrorId: ErrorIds.NotSupportedByServer } or { StatusCode: >= 300 and < 500 } => "WrongBaseUri",
        // A response that is not JSON does not come from the service.
        { ErrorId: ErrorIds.ServiceError, StatusCode: null } => "WrongBaseUri",
        _ => "Unreachable",
    };

    private static bool IsProxy(Exception cause) =>
        cause.GetBaseException() is WebException { Status: WebExceptionStatus.ProxyNameResolutionFailure }
            || cause.Message.Contains("proxy");
}
