using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Language;
using System.Security;
using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommunications.Connect, "ComfyDeploy"), OutputType(typeof(ComfyConnection))]
public sealed class ConnectComfyDeployCommand : ComfyDeployCommand
{
    private const string DefaultName = "default";
    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(3);

    [Parameter(Position = 0)]
    [ApiKeyArgument]
    public SecureString? ApiKey { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    [Parameter]
    [ValidateNotNull]
    public Uri? BaseUri { get; set; }

    [Parameter]
    [Duration]
    public TimeSpan RequestTimeout { get; set; } = ServiceAddress.DefaultRequestTimeout;

    [Parameter]
    public SwitchParameter AllowInsecure { get; set; }

    [Parameter]
    public SwitchParameter SkipCheck { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord()
    {
        if (ApiKey == ApiKeyArgumentAttribute.Refused) RefuseText();
        string? address = BaseUri?.OriginalString ?? EnvironmentConnection.Address;
        if (ServiceAddress.Fault(address, AllowInsecure, out Uri baseUri) is { } fault)
        {
            ThrowTerminating(fault, ServiceAddress.Target(address));
        }
        if (RequestTimeout <= TimeSpan.Zero)
        {
            ThrowTerminating(new(ErrorIds.InvalidInput, "-RequestTimeout must be longer than 0."), RequestTimeout);
        }

        SecureString key = ApiKey?.Copy() ?? EnvironmentConnection.Key ?? Prompt();
        key.MakeReadOnly();
        if (ServiceAddress.KeyFault(key) is { } keyFault) ThrowTerminating(keyFault, baseUri);
        ComfyConnection connection = new(Name ?? DefaultName, baseUri, key, ApiKeyOwner.Read(key), RequestTimeout);
        if (!SkipCheck) Check(connection);

        ConnectionStore.Add(connection, makeDefault: Name is null);
        string organization = connection.OrgId is null ? string.Empty : $" of {connection.OrgId}";
        WriteVerbose($"Connected to {connection.BaseUri} as {connection.UserId ?? "an unknown user"}{organization}.");
        if (PassThru) WriteObject(connection);
    }

    /// <summary>A record of an error shows the line of the command, which may contain the key: it gets another line.</summary>
    [DoesNotReturn]
    private void RefuseText()
    {
        const string Line = "Connect-ComfyDeploy -ApiKey …";
        ScriptPosition Position(int column) => new(MyInvocation.ScriptName, MyInvocation.ScriptLineNumber, column, Line);
        MyInvocation.DisplayScriptPosition = new ScriptExtent(Position(1), Position(Line.Length + 1));
        ThrowTerminating(new(ErrorIds.InvalidInput,
            "-ApiKey needs a SecureString; text (or nothing) is refused, because it would be kept in histories and logs. "
            + "Use -ApiKey (Get-Secret ComfyDeploy), -ApiKey (Read-Host -AsSecureString), or, for a key in a variable of the environment, "
            + "-ApiKey (ConvertTo-SecureString $env:KEY -AsPlainText -Force). Without -ApiKey, the cmdlet takes the key in "
            + $"{EnvironmentConnection.KeyVariable} or prompts for it."), null);
    }

    private SecureString Prompt()
    {
        FieldDescription field = new(nameof(ApiKey)) { Label = "ComfyDeploy API key" };
        field.SetParameterType(typeof(SecureString));
        Dictionary<string, PSObject>? answers = null;
        try
        {
            answers = Host.UI.Prompt(string.Empty, string.Empty, [field]);
        }
        catch (Exception e) when (e is HostException or PSInvalidOperationException or NotImplementedException or IOException)
        {
            string message = $"No API key: give -ApiKey or set the environment variable {EnvironmentConnection.KeyVariable}; "
                + "this session cannot prompt for one.";
            ThrowTerminating(new(ErrorIds.NotConnected, message, e), null);
        }
        return (SecureString)answers[nameof(ApiKey)].BaseObject;
    }

    private void Check(ComfyConnection connection)
    {
        try
        {
            bool isLimited = MyInvocation.BoundParameters.ContainsKey(nameof(RequestTimeout));
            ComfyDeployClient client = ClientForCheck(connection, isLimited ? null : CheckTimeout);
            Await(client.CheckKeyAsync);
        }
        catch (ComfyDeployException e)
        {
            ThrowTerminating(Explain(e, connection.BaseUri), connection.BaseUri);
        }
    }

    /// <summary>What the check says of the address; it is new, so that it may be wrong.</summary>
    private static ComfyDeployException Explain(ComfyDeployException error, Uri address) => error.ErrorId switch
    {
        ErrorIds.ConnectionFailed or ErrorIds.RequestTimeout => new(ErrorIds.ConnectionFailed,
            $"{error.Message} Check the address {address} and the network. For a slow service, specify -RequestTimeout 30s. "
            + "To connect without this check, specify -SkipCheck.",
            error.InnerException),
        ErrorIds.ServiceError when error.StatusCode is null =>
            error.With($" Check the address {address}: that of the service ends in /api."),
        _ => error,
    };
}
