using System.Management.Automation;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using ComfyDeploy.Client;
using ComfyDeploy.Tests.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Each id of the registry is raised by a script here, with its category. They are stable: scripts test for them.</summary>
[Collection(ProcessWide.Name)]
public sealed class ErrorIdTests : EngineTest
{
    private const string Finished = "$run = Start-ComfyRun portrait; $emulator.Advance([timespan]'01:00:00'); $run | ";

    private static readonly (string Id, ErrorCategory Category, string Script, string? Fault)[] Ways =
    [
        (ErrorIds.AmbiguousCreate, ErrorCategory.InvalidResult, "Start-ComfyRun portrait -Connection $hasty", "POST /run/deployment/queue = reset"),
        (ErrorIds.ApiKeyRejected, ErrorCategory.AuthenticationError, "Get-ComfyDeployment", "GET /deployments = 401 always"),
        (ErrorIds.BodyNeedsMethod, ErrorCategory.InvalidArgument, "Invoke-ComfyApi /workflows @{ a = 1 }", null),
        (ErrorIds.ConnectionFailed, ErrorCategory.ConnectionError, "$emulator.Stop(); Get-ComfyRun $nobody -Connection $hasty", null),
        (ErrorIds.ConnectionNotFound, ErrorCategory.ObjectNotFound, "Get-ComfyRun -Connection nothing", null),
        (ErrorIds.DeploymentAmbiguous, ErrorCategory.InvalidArgument, "Start-ComfyRun animate", null),
        (ErrorIds.DeploymentNotFound, ErrorCategory.ObjectNotFound, "Start-ComfyRun nothing", null),
        (ErrorIds.DeploymentUnknown, ErrorCategory.ObjectNotFound, "[pscustomobject]@{ DeploymentId = $null } | Get-ComfyDeployment", null),
        (ErrorIds.DownloadFailed, ErrorCategory.ReadError, Finished + "Save-ComfyRunOutput $folder -Connection $hasty", "GET /outputs/* = 500 always"),
        (ErrorIds.FaultInvalid, ErrorCategory.InvalidArgument, "Start-ComfyEmulator -Fault 'GET / = nonsense'", null),
        (ErrorIds.FileExists, ErrorCategory.ResourceExists, Finished + "Save-ComfyRunOutput $folder | ForEach-Object { $run } | Save-ComfyRunOutput $folder -Existing Error", null),
        (ErrorIds.FileNotFound, ErrorCategory.ObjectNotFound, "Send-ComfyFile nothing.png", null),
        (ErrorIds.FileTooLarge, ErrorCategory.LimitsExceeded, "$big = [IO.File]::Create(\"$folder/big.bin\"); $big.SetLength(262144001); $big.Dispose(); Send-ComfyFile $folder/big.bin", null),
        (ErrorIds.FileTypeNotSupported, ErrorCategory.InvalidArgument, "[IO.File]::WriteAllText(\"$folder/a.txt\", ''); Send-ComfyFile $folder/a.txt", null),
        (ErrorIds.ForeignOrigin, ErrorCategory.SecurityError, "Invoke-ComfyApi https://example.com/workflows", null),
        (ErrorIds.InputExpired, ErrorCategory.InvalidArgument, "Start-ComfyRun portrait @{ image = 'https://example.com/a.png?Expires=1&Signature=x' } | Restart-ComfyRun", null),
        (ErrorIds.InputRowInvalid, ErrorCategory.InvalidData, "'fox' | Start-ComfyRun portrait", null),
        (ErrorIds.InsecureBaseUri, ErrorCategory.SecurityError, "Connect-ComfyDeploy $emulator.ApiKey -BaseUri http://example.com", null),
        (ErrorIds.InvalidInput, ErrorCategory.InvalidArgument, "Start-ComfyRun portrait @{ seed = 'x' }", null),
        (ErrorIds.LimitReached, ErrorCategory.LimitsExceeded, "Start-ComfyRun portrait", "POST /run/deployment/queue = 402"),
        (ErrorIds.MachineNotFound, ErrorCategory.ObjectNotFound, "Start-ComfyRun -WorkflowVersion 00000203-0000-4000-8000-000000000203 -Machine nothing", null),
        (ErrorIds.ManifestInUse, ErrorCategory.ResourceBusy, "$held = [IO.File]::Open(\"$folder/n.jsonl.lock\", 'Create', 'ReadWrite', 'None'); try { Start-ComfyRun portrait -Manifest $folder/n.jsonl } finally { $held.Dispose() }", null),
        (ErrorIds.ManifestInvalid, ErrorCategory.InvalidData, "[IO.File]::WriteAllText(\"$folder/n.jsonl\", \"no`nmanifest`n\"); Start-ComfyRun portrait -Manifest $folder/n.jsonl", null),
        (ErrorIds.ManifestMismatch, ErrorCategory.InvalidArgument, "Start-ComfyRun portrait -Manifest $folder/n.jsonl; [IO.File]::WriteAllText(\"$folder/n.jsonl\", [IO.File]::ReadAllText(\"$folder/n.jsonl\").Replace('127.0.0.1', 'localhost')); Get-ComfyRun -Manifest $folder/n.jsonl", null),
        (ErrorIds.ManifestUnwritable, ErrorCategory.WriteError, "Start-ComfyRun portrait -Manifest $folder/missing/n.jsonl", null),
        (ErrorIds.NoRuns, ErrorCategory.InvalidResult, "@() | Wait-ComfyRun -ThrowOnFailure", null),
        (ErrorIds.NotConnected, ErrorCategory.AuthenticationError, "$PSDefaultParameterValues = @{}; Get-ComfyRun", null),
        (ErrorIds.NotFound, ErrorCategory.ObjectNotFound, "Invoke-ComfyApi /run/$nobody", null),
        (ErrorIds.NotSupportedByServer, ErrorCategory.NotImplemented, "Get-ComfyDeployment", "GET /deployments = 405 always"),
        (ErrorIds.ParametersConflict, ErrorCategory.InvalidArgument, "Get-ComfyRun -Active -Finished", null),
        (ErrorIds.PollFailed, ErrorCategory.ResourceUnavailable, "Wait-ComfyRun $nobody -Timeout 0", "GET /run/* = 500 always"),
        (ErrorIds.PortInUse, ErrorCategory.ResourceBusy, "Start-ComfyEmulator -Port $port", null),
        (ErrorIds.RequestTimeout, ErrorCategory.OperationTimeout, "Get-ComfyRun $nobody -Connection $impatient -WarningAction Ignore", "GET /run/* = hang always"),
        (ErrorIds.ResponseTooLarge, ErrorCategory.LimitsExceeded, "Invoke-ComfyApi /workflows -Connection $endless", null),
        (ErrorIds.RunFailed, ErrorCategory.InvalidResult, "Start-ComfyRun portrait @{ prompt = '#failearly #queue=0 #cold=0' } | ForEach-Object { $emulator.Advance('0:1'); $_ } | Wait-ComfyRun -ThrowOnFailure", null),
        (ErrorIds.RunIdInvalid, ErrorCategory.InvalidArgument, "Get-ComfyRun nothing", null),
        (ErrorIds.RunNotCancellable, ErrorCategory.InvalidOperation, "Start-ComfyRun portrait @{ prompt = '#stuck=running #nocall' } | Stop-ComfyRun", null),
        (ErrorIds.RunNotFound, ErrorCategory.ObjectNotFound, "Get-ComfyRun $nobody", null),
        (ErrorIds.SeedInvalid, ErrorCategory.InvalidData, "Start-ComfyEmulator -SeedPath $nobody", null),
        (ErrorIds.ServiceError, ErrorCategory.ResourceUnavailable, "Start-ComfyRun portrait", "POST /run/deployment/queue = 500"),
        (ErrorIds.UnknownInput, ErrorCategory.InvalidArgument, "Start-ComfyRun portrait @{ promt = 'x' }", null),
        (ErrorIds.VersionNotFound, ErrorCategory.ObjectNotFound, "Start-ComfyRun -WorkflowVersion $nobody -Machine nothing", null),
        (ErrorIds.WaitTimeout, ErrorCategory.OperationTimeout, "Start-ComfyRun portrait | Wait-ComfyRun -Timeout 0", null),
        (ErrorIds.WorkflowNotFound, ErrorCategory.ObjectNotFound, "Get-ComfyRun -Workflow nothing", null),
    ];

    public static TheoryData<string> Known => [.. Ways.Select(way => way.Id)];

    [Theory]
    [MemberData(nameof(Known))]
    public void Each_id_is_raised_with_its_category(string id)
    {
        (_, ErrorCategory category, string script, string? fault) = Ways.Single(way => way.Id == id);
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        Engine.Set("port", ((IPEndPoint)taken.LocalEndpoint).Port);
        Engine.Set("nobody", "11111111-0000-4000-8000-000000000000");
        using TemporaryFolder folder = new();
        Engine.Set("folder", folder.Path);
        Engine.Set("hasty", WithoutPauses());
        Engine.Set("impatient", WithoutPauses(requestTimeout: TimeSpan.FromMilliseconds(200)));
        ComfyConnection endless = ConnectionTo(Emulator, "endless");
        ApiSession.Attach(new(endless, new ScriptedHandler(() => new() { Content = new EndlessContent() })));
        Engine.Set("endless", endless);
        if (fault is not null) Emulator.AddFault(fault);
        ErrorRecord error = Engine.RunWithErrors(script).Error(id);
        Assert.Equal(category, error.CategoryInfo.Category);
        Assert.Equal(id, Assert.IsType<ComfyDeployException>(error.Exception).ErrorId);
        Assert.EndsWith("Command", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains(",ComfyDeploy.Commands.", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.False(error.TargetObject is Cmdlet);
    }

    [Fact]
    public void No_error_id_is_missing()
    {
        string[] registry = [.. typeof(ErrorIds).GetFields(BindingFlags.Static | BindingFlags.NonPublic).Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!)];
        Assert.Equal(registry.Order(), Ways.Select(way => way.Id).Order());
    }

    [Fact]
    public void Every_error_id_has_a_category() => Assert.DoesNotContain(Ways, way => way.Category == ErrorCategory.NotSpecified);

    [Fact]
    public void An_error_can_be_caught_by_its_type()
    {
        EngineRun run = Engine.Run("try { Get-ComfyRun nothing -ErrorAction Stop } catch [ComfyDeploy.ComfyDeployException] { $_.Exception.ErrorId }");
        Assert.Equal("RunIdInvalid", Assert.Single(run.Objects).ToString());
    }

    [Fact]
    public void Errors_can_be_kept_or_omitted()
    {
        EngineRun run = Engine.Run("$nothing = Get-ComfyRun nothing -ErrorAction SilentlyContinue -ErrorVariable kept; \"$($kept.Count) $($kept[0].FullyQualifiedErrorId)\"");
        Assert.Equal("1 RunIdInvalid,ComfyDeploy.Commands.GetComfyRunCommand", Assert.Single(run.Objects).ToString());
    }

    [Fact]
    public void The_services_message_and_its_status_are_in_the_error()
    {
        ErrorRecord error = Engine.RunWithErrors("Get-ComfyRun 11111111-0000-4000-8000-000000000000").Error(ErrorIds.RunNotFound);
        Assert.Contains("Run not found (HTTP 404)", error.ToString(), StringComparison.Ordinal);
    }
}
