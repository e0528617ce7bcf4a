using System.Net;
using System.Net.Sockets;
using System.Security;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Test-ComfyConnection: a Boolean, and a description of the problem.</summary>
public sealed class TestComfyConnectionTests : EngineTest
{
    [Theory]
    [InlineData(null, "Ok")]
    [InlineData("401", "BadKey")]
    [InlineData("403", "Forbidden")]
    [InlineData("404", "WrongBaseUri")]
    [InlineData("405", "WrongBaseUri")]
    [InlineData("redirect http://127.0.0.1:1/login", "WrongBaseUri")]
    [InlineData("truncate", "WrongBaseUri")]
    [InlineData("407", "Proxy")]
    [InlineData("503", "Unreachable")]
    public void Each_result_has_its_name(string? fault, string expected)
    {
        if (fault is not null) Emulator.AddFault($"GET /workflows = {fault} always");
        EngineRun run = Engine.Run("Test-ComfyConnection -Detailed -Verbose; Test-ComfyConnection");
        ComfyConnectionTest test = Assert.IsType<ComfyConnectionTest>(run.Objects[0].BaseObject);
        Assert.Equal(expected, test.Result);
        Assert.NotEmpty(test.Message);
        Assert.Equal(expected == "Ok", run.Objects[1].BaseObject);
        Assert.Contains(run.Verbose, line => line.StartsWith(expected + ": ", StringComparison.Ordinal));
        // No retries: a test reports transient failures.
        Assert.Equal(2, Count("GET", "/api/workflows"));
    }

    [Fact]
    public void A_row_says_which_connection_it_is()
    {
        ComfyConnection other = ConnectionTo(Emulator, "other");
        EngineRun run = Engine.Run("$PSDefaultParameterValues = @{}; $c, $other | Test-ComfyConnection -Detailed", ("other", other));
        Assert.Equal(["test", "other"], run.All<ComfyConnectionTest>().Select(test => test.ConnectionName));
    }

    [Fact]
    public void A_closed_port_is_unreachable()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        taken.Stop();
        using SecureString key = Emulator.ApiKey.Copy();
        ComfyConnection nobody = new("nobody", new Uri($"http://127.0.0.1:{port}/api"), key, default, TimeSpan.FromSeconds(10));
        Assert.Equal("Unreachable", Engine.Run("Test-ComfyConnection -Connection $nobody -Detailed", ("nobody", nobody)).One<ComfyConnectionTest>().Result);
    }

    [Fact]
    public void A_service_that_does_not_respond_is_unreachable()
    {
        Emulator.AddFault("GET /workflows = hang");
        ComfyConnection impatient = ConnectionTo(Emulator, "impatient", requestTimeout: TimeSpan.FromMilliseconds(300));
        ComfyConnectionTest test = Engine.Run("Test-ComfyConnection -Connection $impatient -Detailed", ("impatient", impatient)).One<ComfyConnectionTest>();
        Assert.Equal("Unreachable", test.Result);
        Assert.True(test.LatencyMs >= 250);
    }

    [Fact]
    public void The_connection_is_the_first_positional_parameter()
    {
        Engine.Run("$PSDefaultParameterValues = @{}");
        Assert.Equal(true, Engine.Run("Test-ComfyConnection $c").Objects.Single().BaseObject);
    }
}
