using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Several runspaces of one process: the runspaces of one script share its connection; two tenants never mix.</summary>
[Collection(ProcessWide.Name)]
public sealed class RunspaceTests : IDisposable
{
    private const string Connect = "Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri";
    private readonly ComfyEmulator _first = ComfyEmulator.Start(new() { Speed = 0 });
    private readonly ComfyEmulator _second = ComfyEmulator.Start(new() { Speed = 0 });
    private readonly EngineFixture _owner = new();
    private readonly EngineFixture _other = new();

    public RunspaceTests()
    {
        _owner.Set("emulator", _first);
        _other.Set("emulator", _second);
    }

    public void Dispose()
    {
        foreach (EngineFixture engine in (EngineFixture[])[_owner, _other])
        {
            if (engine.Runspace.RunspaceStateInfo.State == System.Management.Automation.Runspaces.RunspaceState.Opened) engine.Run("Get-ComfyConnection | Disconnect-ComfyDeploy");
            engine.Dispose();
        }
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public void The_first_runspace_to_connect_connects_all()
    {
        _owner.Run(Connect);
        _other.Run("Start-ComfyRun portrait");
        Assert.Single(_first.Runs);
        Assert.Single(_other.Run("Get-ComfyConnection").Objects);
    }

    [Fact]
    public void A_later_runspace_connects_only_itself()
    {
        _owner.Run(Connect);
        _other.Run(Connect);
        _owner.Run("Start-ComfyRun portrait");
        _other.Run("Start-ComfyRun portrait");
        using EngineFixture third = new();
        third.Run("Start-ComfyRun portrait");
        Assert.Equal(2, _first.Runs.Count);
        Assert.Single(_second.Runs);
    }

    [Fact]
    public void The_name_of_another_tenants_connection_is_unknown()
    {
        _owner.Run(Connect);
        _other.Run(Connect + " -Name tenant -SkipCheck");
        _owner.RunWithErrors("Start-ComfyRun portrait -Connection tenant").Error("ConnectionNotFound");
        Assert.Empty(_second.Requests);
        Assert.Equal("default", _owner.Run("Get-ComfyConnection").One<ComfyConnection>().Name);
    }

    [Fact]
    public void A_closed_runspace_releases_the_default_connection()
    {
        _owner.Run(Connect);
        _owner.Dispose();
        _other.RunWithErrors("Start-ComfyRun portrait").Error("NotConnected");
        Assert.Empty(_first.Runs);
        _other.Run(Connect);
        using EngineFixture third = new();
        third.Run("Start-ComfyRun portrait");
        Assert.Single(_second.Runs);
    }

    [Fact]
    public async Task Two_tenants_at_once_never_cross()
    {
        _owner.Run(Connect);
        _other.Run(Connect);
        const string Work = "foreach ($i in 1..15) { [pscustomobject]@{ prompt = \"$tenant\" } | Start-ComfyRun portrait | Get-ComfyRun | ForEach-Object { $_.ConnectionName } }";
        _owner.Set("tenant", "first");
        _other.Set("tenant", "second");
        await Task.WhenAll(Task.Run(() => _owner.Run(Work)), Task.Run(() => _other.Run(Work))).WaitAsync(EngineFixture.Limit);
        Assert.Equal(15, _first.Runs.Count(run => run.Inputs.Contains("\"first\"", StringComparison.Ordinal)));
        Assert.Equal(15, _second.Runs.Count(run => run.Inputs.Contains("\"second\"", StringComparison.Ordinal)));
        Assert.Equal(30, _first.Runs.Count + _second.Runs.Count);
        Assert.All(_first.Requests.Concat(_second.Requests), request => Assert.True(request.Authorized, request.ToString()));
    }
}
