using System.Management.Automation;

namespace ComfyDeploy.Tests.Engine;

/// <summary>Invoke-ComfyApi: any call, with the key and nowhere but to the service.</summary>
public sealed class InvokeComfyApiTests : EngineTest
{
    [Fact]
    public void An_answer_becomes_objects()
    {
        EngineRun run = Engine.Run("Invoke-ComfyApi /workflows -Query @{ limit = 2 }; (Invoke-ComfyApi workflows?limit=1).name");
        Assert.Equal(3, run.Objects.Count);
        Assert.IsType<PSCustomObject>(run.Objects[0].BaseObject);
        Assert.Equal("limit=2", Emulator.Requests[0].Query);
    }

    [Fact]
    public void A_body_becomes_JSON()
    {
        EngineRun run = Engine.Run("(Invoke-ComfyApi /run/deployment/queue @{ deployment_id = '00000031-0000-4000-8000-000000000031'; inputs = @{ prompt = 'x' } } -Method POST).run_id");
        Assert.Equal(Assert.Single(Emulator.Runs).RunId, run.Objects.Single().ToString());
        Assert.Equal("""{"prompt":"x"}""", Emulator.Runs[0].Inputs);
    }

    [Fact]
    public void WhatIf_holds_back_what_changes_something_and_lets_through_what_reads()
    {
        EngineRun run = Engine.Run("Invoke-ComfyApi /run/deployment/queue '{}' -Method POST -WhatIf; Invoke-ComfyApi /workflows -WhatIf");
        Assert.Equal("GET", Assert.Single(Emulator.Requests).Method);
        Assert.Contains("POST", run.Shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://example.com/workflows")]
    [InlineData("//example.com/workflows")]
    [InlineData("../outside")]
    [InlineData("/%2e%2e/outside")]
    [InlineData("/workflows/../../outside")]
    [InlineData("http://127.0.0.1:1/api/workflows")]
    [InlineData("@example.com/workflows")]
    public void The_key_goes_nowhere_else(string path)
    {
        EngineRun run = Engine.RunWithErrors("Invoke-ComfyApi $path", ("path", path));
        Assert.All(Emulator.Requests, request => Assert.StartsWith("/api/", request.Path, StringComparison.Ordinal));
        Assert.NotEmpty(run.Errors);
    }
}
