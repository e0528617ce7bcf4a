using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Which account a cmdlet talks to. All of it is shared by the whole process, so that nothing else runs meanwhile.</summary>
[Collection(ProcessWide.Name)]
public sealed class ConnectComfyDeployTests : IDisposable
{
    private const string KeyVariable = "COMFY_DEPLOY_API_KEY";
    private const string AddressVariable = "COMFY_DEPLOY_BASE_URI";
    private readonly ComfyEmulator _first = ComfyEmulator.Start(new() { Speed = 0 });
    private readonly ComfyEmulator _second = ComfyEmulator.Start(new() { Speed = 0 });
    private readonly EngineFixture _engine = new();

    public ConnectComfyDeployTests() => Introduce(_engine);

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(KeyVariable, null);
        Environment.SetEnvironmentVariable(AddressVariable, null);
        Forget(_engine);
        _engine.Dispose();
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public void Without_any_connection_the_error_names_all_ways_to_get_one()
    {
        EngineRun run = _engine.RunWithErrors("Get-ComfyDeployment");
        string said = run.Error("NotConnected").ToString();
        Assert.Contains("Connect-ComfyDeploy", said, StringComparison.Ordinal);
        Assert.Contains("-Connection", said, StringComparison.Ordinal);
        Assert.Contains(KeyVariable, said, StringComparison.Ordinal);
        Assert.NotNull(run.Errors[0].ErrorDetails.RecommendedAction);
    }

    [Fact]
    public void The_environment_is_used_when_nobody_connected()
    {
        Environment.SetEnvironmentVariable(KeyVariable, _first.ApiKey.Reveal());
        Environment.SetEnvironmentVariable(AddressVariable, _first.BaseUri.AbsoluteUri);
        Assert.NotEmpty(_engine.Run("Get-ComfyDeployment").Objects);
        Assert.Equal("environment", _engine.Run("Start-ComfyRun portrait").One<ComfyRun>().ConnectionName);
        // What this session knows of its runs survives, although each cmdlet reads the variables anew.
        Assert.Single(_engine.Run("Get-ComfyRun -ThisSession").Objects);
    }

    [Fact]
    public void Who_connected_is_asked_before_the_environment()
    {
        Environment.SetEnvironmentVariable(KeyVariable, _first.ApiKey.Reveal());
        Environment.SetEnvironmentVariable(AddressVariable, _first.BaseUri.AbsoluteUri);
        _engine.Run("Connect-ComfyDeploy -ApiKey $key2 -BaseUri $uri2; Get-ComfyDeployment");
        Assert.Empty(_first.Requests);
        Assert.NotEmpty(_second.Requests);
    }

    [Fact]
    public void An_address_in_the_environment_must_be_encrypted()
    {
        Environment.SetEnvironmentVariable(KeyVariable, "a.b.c");
        Environment.SetEnvironmentVariable(AddressVariable, "http://example.com/api");
        _engine.RunWithErrors("Get-ComfyDeployment").Error("InsecureBaseUri");
    }

    [Fact]
    public void The_first_without_a_name_is_the_default()
    {
        _engine.Run("Connect-ComfyDeploy -ApiKey $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name second");
        int before = _second.Requests.Count;
        _engine.Run("Get-ComfyDeployment");
        Assert.Equal(before, _second.Requests.Count);
        Assert.Equal(["default:True", "second:False"], _engine.Run("Get-ComfyConnection | ForEach-Object { \"$($_.Name):$($_.IsDefault)\" }").Objects.Select(o => o.ToString()));
    }

    [Fact]
    public void A_named_one_is_the_default_only_when_there_is_none()
    {
        EngineRun run = _engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1 -Name one -PassThru; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two -PassThru");
        Assert.Equal([true, false], run.All<ComfyConnection>().Select(connection => connection.Name == "one"));
        Assert.Equal("one", _engine.Run("(Start-ComfyRun portrait).ConnectionName").Objects[0].ToString());
    }

    [Fact]
    public void A_connection_is_named_by_object_or_by_name()
    {
        _engine.Run("$one = Connect-ComfyDeploy $key1 -BaseUri $uri1 -PassThru; $two = Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name Two -PassThru");
        Assert.Equal(["Two", "Two", "default"], _engine.Run("""
            (Start-ComfyRun portrait -Connection $two).ConnectionName
            (Start-ComfyRun portrait -Connection two).ConnectionName
            (Start-ComfyRun portrait -Connection $one).ConnectionName
            """).Objects.Select(o => o.ToString()));
        Assert.Single(_first.Runs);
        Assert.Equal(2, _second.Runs.Count);
    }

    [Fact]
    public void A_default_parameter_value_chooses_the_account_of_a_session()
    {
        _engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two; $PSDefaultParameterValues = @{ '*-Comfy*:Connection' = 'two' }");
        _engine.Run("Start-ComfyRun portrait");
        Assert.Single(_second.Runs);
        Assert.Empty(_first.Runs);
    }

    [Fact]
    public void What_is_piped_goes_to_the_account_it_came_from()
    {
        _engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two");
        _engine.Run("$run = Start-ComfyRun portrait -Connection two");
        int before = _first.Requests.Count;
        _second.Advance(TimeSpan.FromHours(1));
        EngineRun run = _engine.Run("$run | Get-ComfyRun; $run | Wait-ComfyRun -Timeout 20; Get-ComfyDeployment portrait/staging -Connection two | Get-ComfyRun; Get-ComfyDeployment portrait/staging -Connection two | Start-ComfyRun");
        Assert.All(run.Runs, r => Assert.Equal("two", r.ConnectionName));
        Assert.Equal(before, _first.Requests.Count);
        Assert.Empty(_first.Runs);
    }

    [Fact]
    public void The_deployment_of_a_run_is_asked_for_where_the_run_came_from()
    {
        _engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two; $run = Start-ComfyRun portrait -Connection two");
        int before = _first.Requests.Count;
        Assert.Equal("two", _engine.Run("$run | Get-ComfyDeployment").One<ComfyDeployment>().ConnectionName);
        Assert.Equal(before, _first.Requests.Count);
    }

    [Fact]
    public void The_parameter_beats_what_is_piped()
    {
        _engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two; $run = Start-ComfyRun portrait -Connection two");
        // The same id may be another run there; it is asked there and nowhere else.
        int before = _second.Requests.Count;
        _engine.RunWithErrors("$run | Get-ComfyRun -Connection default").Error("RunNotFound");
        Assert.Equal(before, _second.Requests.Count);
    }

    [Fact]
    public void A_row_of_another_account_gives_a_warning()
    {
        EngineRun run = _engine.RunWithErrors("""
            Connect-ComfyDeploy $key1 -BaseUri $uri1
            $row = [pscustomobject]@{ RunId = '11111111-0000-4000-8000-000000000000'; ConnectionName = 'studio' }
            $row, $row | Get-ComfyRun
            """);
        Assert.Contains("'studio'", Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_name_lists_the_known_ones()
    {
        _engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1 -Name studio");
        foreach (string script in (string[])["Get-ComfyDeployment -Connection studoi", "Get-ComfyConnection studoi", "Disconnect-ComfyDeploy studoi", "Test-ComfyConnection -Connection studoi"])
        {
            Assert.Contains("studio", _engine.RunWithErrors(script).Error("ConnectionNotFound").ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Disconnect_forgets()
    {
        _engine.Run("$one = Connect-ComfyDeploy $key1 -BaseUri $uri1 -PassThru; $run = Start-ComfyRun portrait; Disconnect-ComfyDeploy");
        Assert.Empty(_engine.Run("Get-ComfyConnection").Objects);
        int before = _first.Requests.Count;
        foreach (string script in (string[])["Get-ComfyDeployment", "Get-ComfyDeployment -Connection $one", "$run | Get-ComfyRun", "$run | Wait-ComfyRun"])
        {
            _engine.RunWithErrors(script).Error("NotConnected");
        }
        Assert.Equal(before, _first.Requests.Count);
        _engine.RunWithErrors("Disconnect-ComfyDeploy").Error("ConnectionNotFound");
    }

    [Fact]
    public void Connections_are_piped_to_Disconnect()
    {
        _engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1 -Name a; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name b; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name c");
        _engine.Run("Get-ComfyConnection [ab] | Disconnect-ComfyDeploy");
        Assert.Equal("c", _engine.Run("Get-ComfyConnection").One<ComfyConnection>().Name);
    }

    [Fact]
    public void To_connect_under_the_same_name_replaces()
    {
        _engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2; Start-ComfyRun portrait");
        Assert.Single(_engine.Run("Get-ComfyConnection").Objects);
        Assert.Single(_second.Runs);
    }

    [Fact]
    public void To_connect_asks_one_cheap_question_and_says_who_it_is()
    {
        EngineRun run = _engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1 -Verbose");
        Assert.Empty(run.Objects);
        Assert.Equal("/api/workflows", Assert.Single(_first.Requests).Path);
        Assert.Contains("user_emulator", run.Verbose[^1], StringComparison.Ordinal);
        _engine.Run("Connect-ComfyDeploy $key2 -BaseUri $uri2 -SkipCheck");
        Assert.Empty(_second.Requests);
    }

    [Fact]
    public void A_wrong_key_connects_nothing()
    {
        _engine.RunWithErrors("Connect-ComfyDeploy $key2 -BaseUri $uri1").Error("ApiKeyRejected");
        Assert.Empty(_engine.Run("Get-ComfyConnection").Objects);
    }

    [Theory]
    [InlineData("http://example.com/api", "InsecureBaseUri")]
    [InlineData("ftp://example.com/api", "InvalidInput")]
    [InlineData("example", "InvalidInput")]
    public void An_address_is_checked_before_the_key_is_sent(string address, string id) =>
        _engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $address", ("address", address)).Error(id);

    [Theory]
    [InlineData("https://user:S3cret@example.com/api")]
    [InlineData("http://S3cret@example.com/api")]
    [InlineData("ftp://user:S3cret@example.com")]
    [InlineData("user:S3cret@example.com")]
    public void A_password_in_an_address_is_refused_and_not_shown(string address)
    {
        EngineRun run = _engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $address", ("address", address));
        run.Error("InvalidInput");
        Assert.DoesNotContain("S3cret", run.Everything(), StringComparison.Ordinal);
        Environment.SetEnvironmentVariable(KeyVariable, "a.b.c");
        Environment.SetEnvironmentVariable(AddressVariable, address);
        run = _engine.RunWithErrors("Get-ComfyDeployment");
        run.Error("InvalidInput");
        Assert.DoesNotContain("S3cret", run.Everything(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_open_network_can_be_trusted() =>
        Assert.Equal("http://example.com/api", _engine.Run("Connect-ComfyDeploy $key1 -BaseUri http://example.com/api -AllowInsecure -SkipCheck -PassThru").One<ComfyConnection>().BaseUri.AbsoluteUri);

    private static void Forget(EngineFixture engine) => engine.Run("$PSDefaultParameterValues = @{}; Get-ComfyConnection | Disconnect-ComfyDeploy");

    private void Introduce(EngineFixture engine)
    {
        engine.Set("key1", _first.ApiKey);
        engine.Set("uri1", _first.BaseUri);
        engine.Set("key2", _second.ApiKey);
        engine.Set("uri2", _second.BaseUri);
    }
}
