using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace ComfyDeploy.Commands;

[Cmdlet(VerbsCommunications.Connect, "ComfyDeploy"), OutputType(typeof(ComfyConnection))]
public sealed class ConnectComfyDeployCommand : ComfyDeployCommand
{
    private const string DefaultName = "default";

    [Parameter(Position = 0)]
    [ValidateNotNull]
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
        Uri baseUri = ServiceAddress.ParseOrEnd(this, BaseUri?.OriginalString ?? EnvironmentConnection.Address, AllowInsecure);
        if (RequestTimeout <= TimeSpan.Zero)
        {
            ThrowTerminating(new(ErrorIds.InvalidInput, "-RequestTimeout must be longer than 0."), RequestTimeout);
        }

        SecureString key = ApiKey?.Copy() ?? EnvironmentConnection.Key ?? Prompt();
        key.MakeReadOnly();
        ServiceAddress.CheckKeyOrEnd(this, key, baseUri);
        ComfyConnection connection = new(Name ?? DefaultName, baseUri, key, ApiKeyOwner.Read(key), RequestTimeout);
        if (!SkipCheck) Check(connection);

        ConnectionStore.Add(connection, makeDefault: Name is null);
        string organization = connection.OrgId is null ? string.Empty : $" of {connection.OrgId}";
        WriteVerbose($"Connected to {connection.BaseUri} as {connection.UserId ?? "an unknown user"}{organization}.");
        if (PassThru) WriteObject(connection);
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
            Await(token => ClientFor(connection).CheckKeyAsync(token));
        }
        catch (ComfyDeployException e)
        {
            ThrowTerminating(e, connection.BaseUri);
        }
    }
}
