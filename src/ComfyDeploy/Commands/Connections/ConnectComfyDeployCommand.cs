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
        string? address = BaseUri?.OriginalString ?? Environment.GetEnvironmentVariable(ConnectedCommand.BaseUriVariable);
        if (!ServiceAddress.TryParse(address, out Uri? baseUri)) ThrowTerminating(ServiceAddress.Refusal(address!), address);
        if (!AllowInsecure && !ServiceAddress.IsSafe(baseUri!)) ThrowTerminating(ServiceAddress.InsecureRefusal(baseUri!), baseUri);
        if (RequestTimeout <= TimeSpan.Zero) ThrowTerminating(new(ErrorIds.InvalidInput, "-RequestTimeout must be longer than 0."), RequestTimeout);

        SecureString key = ApiKey?.Copy() ?? KeyOfEnvironment() ?? Prompt();
        key.MakeReadOnly();
        if (!key.CanBeSent()) ThrowTerminating(ConnectedCommand.UnsendableKey(), baseUri);
        ComfyConnection connection = new(Name ?? DefaultName, baseUri!, key, ApiKeyOwner.Read(key), RequestTimeout);
        if (!SkipCheck) Check(connection);

        ConnectionStore.Add(connection, makeDefault: Name is null);
        WriteVerbose($"Connected to {connection.BaseUri} as {connection.UserId ?? "an unknown user"}{(connection.OrgId is null ? string.Empty : $" of {connection.OrgId}")}.");
        if (PassThru) WriteObject(connection);
    }

    private static SecureString? KeyOfEnvironment() =>
        Environment.GetEnvironmentVariable(ConnectedCommand.KeyVariable) is { } key && !string.IsNullOrWhiteSpace(key) ? SecureStringText.Protect(key.Trim()) : null;

    private SecureString Prompt()
    {
        try
        {
            FieldDescription field = new(nameof(ApiKey)) { Label = "ComfyDeploy API key" };
            field.SetParameterType(typeof(SecureString));
            return (SecureString)Host.UI.Prompt(string.Empty, string.Empty, [field])[nameof(ApiKey)].BaseObject;
        }
        catch (Exception e) when (e is HostException or PSInvalidOperationException or NotImplementedException or IOException)
        {
            ThrowTerminating(new(ErrorIds.NotConnected, $"No API key: give -ApiKey or set the environment variable {ConnectedCommand.KeyVariable}; this session cannot prompt for one.", e), null);
            throw;
        }
    }

    private void Check(ComfyConnection connection)
    {
        try
        {
            Await(stop => ClientFor(connection).CheckKeyAsync(stop));
        }
        catch (ComfyDeployException e)
        {
            ThrowTerminating(e, connection.BaseUri);
        }
    }
}
