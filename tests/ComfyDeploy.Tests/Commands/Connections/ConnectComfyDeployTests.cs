using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Which connection a cmdlet uses. The process shares the connections, so no other test runs at the same time.</summary>
[Collection(ProcessWide.Name)]
public sealed class ConnectComfyDeployTests : TwoAccountsTest
{
    private const string KeyVariable = "COMFY_DEPLOY_API_KEY";
    private const string AddressVariable = "COMFY_DEPLOY_BASE_URI";

    [Fact]
    public void Without_any_connection_the_error_names_all_ways_to_get_one()
    {
        EngineRun run = Engine.RunWithErrors("Get-ComfyDeployment");
        string message = run.Error("NotConnected").ToString();
        Assert.Contains("Connect-ComfyDeploy", message, StringComparison.Ordinal);
        Assert.Contains("-Connection", message, StringComparison.Ordinal);
        Assert.Contains(KeyVariable, message, StringComparison.Ordinal);
        Assert.NotNull(run.Errors[0].ErrorDetails.RecommendedAction);
    }

    [Fact]
    public void The_environment_is_used_without_a_connection()
    {
        Environment.SetEnvironmentVariable(KeyVariable, First.ApiKey.Reveal());
        Environment.SetEnvironmentVariable(AddressVariable, First.BaseUri.AbsoluteUri);
        Assert.NotEmpty(Engine.Run("Get-ComfyDeployment").Objects);
        Assert.Equal("environment", Engine.Run("Start-ComfyRun portrait").One<ComfyRun>().ConnectionName);
        // What this session knows of its runs is kept, although each cmdlet reads the variables again.
        Assert.Single(Engine.Run("Get-ComfyRun -ThisSession").Objects);
    }

    [Fact]
    public void A_connection_takes_precedence_over_the_environment()
    {
        Environment.SetEnvironmentVariable(KeyVariable, First.ApiKey.Reveal());
        Environment.SetEnvironmentVariable(AddressVariable, First.BaseUri.AbsoluteUri);
        Engine.Run("Connect-ComfyDeploy -ApiKey $key2 -BaseUri $uri2; Get-ComfyDeployment");
        Assert.Empty(First.Requests);
        Assert.NotEmpty(Second.Requests);
    }

    [Fact]
    public void A_URL_in_the_environment_must_be_encrypted()
    {
        Environment.SetEnvironmentVariable(KeyVariable, "a.b.c");
        Environment.SetEnvironmentVariable(AddressVariable, "http://example.com/api");
        Engine.RunWithErrors("Get-ComfyDeployment").Error("InsecureBaseUri");
    }

    [Fact]
    public void TheFirst_without_a_name_is_the_default()
    {
        Engine.Run("Connect-ComfyDeploy -ApiKey $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name second");
        int before = Second.Requests.Count;
        Engine.Run("Get-ComfyDeployment");
        Assert.Equal(before, Second.Requests.Count);
        Assert.Equal(["default:True", "second:False"], Engine.Run("Get-ComfyConnection | ForEach-Object { \"$($_.Name):$($_.IsDefault)\" }").Objects.Select(o => o.ToString()));
    }

    [Fact]
    public void A_named_connection_is_the_default_only_when_there_is_none()
    {
        EngineRun run = Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1 -Name one -PassThru; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two -PassThru");
        Assert.Equal([true, false], run.All<ComfyConnection>().Select(connection => connection.Name == "one"));
        Assert.Equal("one", Engine.Run("(Start-ComfyRun portrait).ConnectionName").Objects[0].ToString());
    }

    [Fact]
    public void A_connection_is_named_by_object_or_by_name()
    {
        Engine.Run("$one = Connect-ComfyDeploy $key1 -BaseUri $uri1 -PassThru; $two = Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name Two -PassThru");
        Assert.Equal(["Two", "Two", "default"], Engine.Run("""
            (Start-ComfyRun portrait -Connection $two).ConnectionName
            (Start-ComfyRun portrait -Connection two).ConnectionName
            (Start-ComfyRun portrait -Connection $one).ConnectionName
            """).Objects.Select(o => o.ToString()));
        Assert.Single(First.Runs);
        Assert.Equal(2, Second.Runs.Count);
    }

    [Fact]
    public void A_default_parameter_value_chooses_the_account_of_a_session()
    {
        Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two; $PSDefaultParameterValues = @{ '*-Comfy*:Connection' = 'two' }");
        Engine.Run("Start-ComfyRun portrait");
        Assert.Single(Second.Runs);
        Assert.Empty(First.Runs);
    }

    [Fact]
    public void A_piped_object_uses_the_connection_it_came_from()
    {
        Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two");
        Engine.Run("$run = Start-ComfyRun portrait -Connection two");
        int before = First.Requests.Count;
        Second.Advance(TimeSpan.FromHours(1));
        EngineRun run = Engine.Run("$run | Get-ComfyRun; $run | Wait-ComfyRun -Timeout 20; Get-ComfyDeployment portrait/staging -Connection two | Get-ComfyRun; Get-ComfyDeployment portrait/staging -Connection two | Start-ComfyRun");
        Assert.All(run.Runs, r => Assert.Equal("two", r.ConnectionName));
        Assert.Equal(before, First.Requests.Count);
        Assert.Empty(First.Runs);
    }

    [Fact]
    public void The_deployment_of_a_run_is_read_on_the_runs_connection()
    {
        Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two; $run = Start-ComfyRun portrait -Connection two");
        int before = First.Requests.Count;
        Assert.Equal("two", Engine.Run("$run | Get-ComfyDeployment").One<ComfyDeployment>().ConnectionName);
        Assert.Equal(before, First.Requests.Count);
    }

    [Fact]
    public void The_parameter_overrides_the_piped_connection()
    {
        Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name two; $run = Start-ComfyRun portrait -Connection two");
        // The same ID may be another run there; the request goes only there.
        int before = Second.Requests.Count;
        Engine.RunWithErrors("$run | Get-ComfyRun -Connection default").Error("RunNotFound");
        Assert.Equal(before, Second.Requests.Count);
    }

    [Fact]
    public void A_row_of_another_connection_gives_a_warning()
    {
        EngineRun run = Engine.RunWithErrors("""
            Connect-ComfyDeploy $key1 -BaseUri $uri1
            $row = [pscustomobject]@{ RunId = '11111111-0000-4000-8000-000000000000'; ConnectionName = 'studio' }
            $row, $row | Get-ComfyRun
            """);
        Assert.Contains("'studio'", Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_name_lists_the_known_ones()
    {
        Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1 -Name studio");
        foreach (string script in (string[])["Get-ComfyDeployment -Connection studoi", "Get-ComfyConnection studoi", "Disconnect-ComfyDeploy studoi", "Test-ComfyConnection -Connection studoi"])
        {
            Assert.Contains("studio", Engine.RunWithErrors(script).Error("ConnectionNotFound").ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Without_a_default_the_error_names_the_open_connections()
    {
        Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1 -Name one; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name 'studio two'; Connect-ComfyDeploy $key2 -BaseUri $uri2 -Name lab; Disconnect-ComfyDeploy one");
        string message = Engine.RunWithErrors("Get-ComfyDeployment").Error("NotConnected").ToString();
        Assert.Contains("Not connected: there is no default connection. Open connections: studio two, lab.", message, StringComparison.Ordinal);
        Assert.Contains("-Connection 'studio two'", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hang always")]
    [InlineData("503 always")]
    public void A_check_is_one_request_without_retries(string fault)
    {
        First.AddFault($"GET /workflows = {fault}");
        EngineRun run = Engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $uri1");
        run.Error(fault.StartsWith("503", StringComparison.Ordinal) ? "ServiceError" : "ConnectionFailed");
        Assert.Empty(run.Warnings);
        Assert.Single(First.Requests, request => request.Path == "/api/workflows");
        Assert.Empty(Engine.Run("Get-ComfyConnection").Objects);
    }

    [Fact]
    public void A_check_waits_three_seconds_or_as_long_as_RequestTimeout_says()
    {
        First.AddFault("GET /workflows = hang always");
        string message = Engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $uri1").Error("ConnectionFailed").ToString();
        Assert.Contains("within 3 s", message, StringComparison.Ordinal);
        Assert.Contains("-RequestTimeout 30s", message, StringComparison.Ordinal);
        Assert.Contains("-SkipCheck", message, StringComparison.Ordinal);
        Assert.Contains(First.BaseUri.AbsoluteUri, message, StringComparison.Ordinal);
        Assert.Contains("within 0.2 s", Engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $uri1 -RequestTimeout 200ms").Error("ConnectionFailed").ToString(), StringComparison.Ordinal);
        Assert.Equal("00:01:00", Engine.Run("(Connect-ComfyDeploy $key2 -BaseUri $uri2 -PassThru).RequestTimeout.ToString()").Objects.Single().ToString());
    }

    [Theory]
    [InlineData("http://127.0.0.1:1/api")]
    [InlineData("https://nowhere.invalid/api")]
    public void An_address_that_cannot_be_reached_fails_with_what_to_check(string address)
    {
        EngineRun run = Engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $address -AllowInsecure", ("address", address));
        Assert.Contains($"Check the address {address}", run.Error("ConnectionFailed").ToString(), StringComparison.Ordinal);
        Assert.Empty(run.Warnings);
    }

    [Fact]
    public void A_host_that_accepts_and_stays_silent_fails_with_what_to_check()
    {
        using System.Net.Sockets.TcpListener silent = new(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        string message = Engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $address", ("address", $"http://{silent.LocalEndpoint}/api")).Error("ConnectionFailed").ToString();
        Assert.Contains("within 3 s", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_that_is_not_the_services_asks_to_check_the_address()
    {
        First.AddFault("GET /workflows = truncate");
        string message = Engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $uri1").Error("ServiceError").ToString();
        Assert.Contains("ends in /api", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Connecting_with_the_same_name_replaces_the_connection()
    {
        Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1; Connect-ComfyDeploy $key2 -BaseUri $uri2; Start-ComfyRun portrait");
        Assert.Single(Engine.Run("Get-ComfyConnection").Objects);
        Assert.Single(Second.Runs);
    }

    [Fact]
    public void Connecting_sends_one_cheap_request_and_reports_the_user()
    {
        EngineRun run = Engine.Run("Connect-ComfyDeploy $key1 -BaseUri $uri1 -Verbose");
        Assert.Empty(run.Objects);
        Assert.Equal("/api/workflows", Assert.Single(First.Requests).Path);
        Assert.Contains("user_emulator", run.Verbose[^1], StringComparison.Ordinal);
        Engine.Run("Connect-ComfyDeploy $key2 -BaseUri $uri2 -SkipCheck");
        Assert.Empty(Second.Requests);
    }

    [Fact]
    public void A_wrong_key_opens_no_connection()
    {
        Engine.RunWithErrors("Connect-ComfyDeploy $key2 -BaseUri $uri1").Error("ApiKeyRejected");
        Assert.Empty(Engine.Run("Get-ComfyConnection").Objects);
    }

    [Theory]
    [InlineData("http://example.com/api", "InsecureBaseUri")]
    [InlineData("ftp://example.com/api", "InvalidInput")]
    [InlineData("example", "InvalidInput")]
    public void A_URL_is_validated_before_the_key_is_sent(string address, string id) =>
        Engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $address", ("address", address)).Error(id);

    [Theory]
    [InlineData("https://user:S3cret@example.com/api")]
    [InlineData("http://S3cret@example.com/api")]
    [InlineData("ftp://user:S3cret@example.com")]
    [InlineData("user:S3cret@example.com")]
    public void A_URL_with_a_password_is_refused_and_not_shown(string address)
    {
        EngineRun run = Engine.RunWithErrors("Connect-ComfyDeploy $key1 -BaseUri $address", ("address", address));
        run.Error("InvalidInput");
        Assert.DoesNotContain("S3cret", run.Everything(), StringComparison.Ordinal);
        Environment.SetEnvironmentVariable(KeyVariable, "a.b.c");
        Environment.SetEnvironmentVariable(AddressVariable, address);
        run = Engine.RunWithErrors("Get-ComfyDeployment");
        run.Error("InvalidInput");
        Assert.DoesNotContain("S3cret", run.Everything(), StringComparison.Ordinal);
    }

    [Fact]
    public void AllowInsecure_accepts_an_unencrypted_URL() =>
        Assert.Equal("http://example.com/api", Engine.Run("Connect-ComfyDeploy $key1 -BaseUri http://example.com/api -AllowInsecure -SkipCheck -PassThru").One<ComfyConnection>().BaseUri.AbsoluteUri);

    private protected override void Dispose(bool disposing)
    {
        Environment.SetEnvironmentVariable(KeyVariable, null);
        Environment.SetEnvironmentVariable(AddressVariable, null);
        base.Dispose(disposing);
    }
}
