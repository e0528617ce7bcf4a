using System.Management.Automation;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Invoke-ComfyApi: one call of any kind, with the key, only to the service.</summary>
public sealed partial class InvokeComfyApiTests : OutputsTest
{
    private EmulatorRequest LastRequest => Emulator.Requests[^1];

    [Fact]
    public void The_response_is_written_as_objects_and_an_array_item_by_item()
    {
        EngineRun run = Engine.Run("Invoke-ComfyApi /workflows");
        Assert.Equal(["animate", "draft", "portrait", "upscale-4k"], run.Objects.Select(item => (string)item.Properties["name"].Value).Order());
        Assert.All(run.Objects, item => Assert.IsType<PSCustomObject>(item.BaseObject));
        Assert.Equal(("GET", "/api/workflows", true), (LastRequest.Method, LastRequest.Path, LastRequest.Authorized));
    }

    [Theory]
    [InlineData("workflows")]
    [InlineData("/workflows")]
    public void A_path_is_relative_to_the_base(string path)
    {
        Engine.Run("Invoke-ComfyApi $path", ("path", path));
        Assert.Equal("/api/workflows", LastRequest.Path);
    }

    [Fact]
    public void An_absolute_URL_below_the_base_is_equivalent()
    {
        Engine.Run("Invoke-ComfyApi \"$($c.BaseUri)/workflows?limit=1\"; Invoke-ComfyApi ([string]$c.BaseUri).Replace('http', 'HTTP').Insert(4, '').Replace('/api', '/api/machines')");
        Assert.Equal(["/api/workflows", "/api/machines"], Emulator.Requests.Select(request => request.Path));
        Assert.Equal("limit=1", Emulator.Requests[0].Query);
    }

    [Theory]
    [InlineData("https://evil.example/api/workflows")]
    [InlineData("http://127.0.0.1/api/workflows")]
    [InlineData("//evil.example/api/workflows")]
    [InlineData("\\\\evil.example\\api")]
    [InlineData("/../workflows")]
    [InlineData("/workflows/../../x")]
    [InlineData("/%2e%2e/x")]
    [InlineData("..\\x")]
    [InlineData("file:///etc/passwd")]
    public void A_URL_outside_the_base_is_rejected(string path) => AssertRefused(path);

    [Theory]
    [InlineData("http://{0}@evil.example/api/workflows")]
    [InlineData("http://evil.example@{0}/api/workflows")]
    [InlineData("http://{0}.evil.example/api/workflows")]
    [InlineData("http://{0}/apis/workflows")]
    [InlineData("http://{0}/workflows")]
    [InlineData("https://{0}/api/workflows")]
    public void A_URL_that_only_looks_like_the_origin_is_rejected(string address) => AssertRefused(string.Format(null, address, Emulator.BaseUri.Authority));

    [Theory]
    [InlineData("/@evil.example/x")]
    [InlineData("/\\evil.example/x")]
    [InlineData("http:/evil.example/x")]
    [InlineData("/workflows?url=https://evil.example/a&b=//c")]
    [InlineData("/a b/\r\nX-Evil: 1")]
    public void Unusual_paths_stay_on_the_service(string path)
    {
        Engine.RunWithErrors("Invoke-ComfyApi $path", ("path", path));
        EmulatorRequest request = Assert.Single(Emulator.Requests);
        Assert.StartsWith("/api/", request.Path, StringComparison.Ordinal);
        Assert.True(request.Authorized);
    }

    [Fact]
    public void A_query_is_encoded_and_an_array_repeats_its_name()
    {
        Engine.Run("Invoke-ComfyApi /workflows -Query ([ordered]@{ search = 'a b&c=ü'; limit = 5; pinned = $true; ratio = 1.5; tag = 'x', 'y'; id = [int[]](1, 2) })");
        Assert.Equal("search=a%20b%26c%3D%C3%BC&limit=5&pinned=true&ratio=1.5&tag=x&tag=y&id=1&id=2", LastRequest.Query);
        Engine.Run("Invoke-ComfyApi '/workflows?limit=1' -Query @{ offset = 2 }");
        Assert.Equal("limit=1&offset=2", LastRequest.Query);
    }

    [Fact]
    public void A_deeply_nested_body_is_JSON()
    {
        EngineRun run = Engine.Run(
            """
            Invoke-ComfyApi /run/deployment/queue -Method POST -Body @{ deployment_id = $id; inputs = @{ prompt = 'fox'; list = @(1, 2.5, $true, $null, @{ x = 'y' }) } }
            """,
            ("id", "00000031-0000-4000-8000-000000000031"));
        Assert.Equal(Assert.Single(Emulator.Runs).RunId, run.Objects[0].Properties["run_id"].Value);
        Assert.Equal("""[1,2.5,true,null,{"x":"y"}]""", JsonNode.Parse(LastRequest.Body)!["inputs"]!["list"]!.ToJsonString());
    }

    [Theory]
    [InlineData("'{\"a\": 1}'", "{\"a\": 1}")]
    [InlineData("@(1, 2)", "[1,2]")]
    [InlineData("([pscustomobject]@{ a = 'ü' })", "{\"a\":\"ü\"}")]
    [InlineData("@{}", "{}")]
    public void A_body_may_be_text_an_array_or_an_object(string body, string sent)
    {
        Engine.RunWithErrors($"Invoke-ComfyApi /workflows {body} -Method PUT");
        Assert.Equal(sent, LastRequest.Body);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    [InlineData("delete")]
    public void Any_method_is_sent_once_even_when_the_service_is_busy(string method)
    {
        Hasten();
        Emulator.AddFault("* /anything = 503 always");
        Engine.RunWithErrors($"Invoke-ComfyApi /anything -Method {method} -Body @{{ a = 1 }}").Error("ServiceError");
        Assert.Equal(method.ToUpperInvariant(), Assert.Single(Emulator.Requests).Method);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public void A_read_is_retried(string method)
    {
        Hasten();
        Emulator.AddFault("* /workflows = 503 x2");
        EngineRun run = Engine.RunWithErrors($"Invoke-ComfyApi /workflows -Method {method}");
        Assert.Equal(2, run.Warnings.Count);
        Assert.Equal(3, Emulator.Requests.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-Method GET")]
    [InlineData("-Method HEAD")]
    public void A_body_needs_a_method(string method)
    {
        Engine.RunWithErrors($"Invoke-ComfyApi /workflows @{{ a = 1 }} {method}").Error("BodyNeedsMethod");
        Assert.Empty(Emulator.Requests);
    }

    [Fact]
    public void An_invalid_method_is_rejected_with_our_own_error_id()
    {
        Engine.RunWithErrors("Invoke-ComfyApi /workflows -Method 'G ET'").Error("InvalidInput");
        Assert.Empty(Emulator.Requests);
    }

    [Theory]
    [InlineData("GET", 1)]
    [InlineData("HEAD", 1)]
    [InlineData("POST", 0)]
    [InlineData("DELETE", 0)]
    public void WhatIf_sends_only_reads(string method, int requests)
    {
        EngineRun run = Engine.RunWithErrors($"Invoke-ComfyApi '/workflows?limit=1' -Method {method} -WhatIf");
        Assert.Equal(requests, Emulator.Requests.Count);
        if (requests == 0) Assert.Contains($"\"{method}\" on target \"{Emulator.BaseUri}/workflows\"", run.Shown, StringComparison.Ordinal);
    }

    [Fact]
    public void A_response_that_is_not_JSON_is_text()
    {
        Engine.Set("PSDefaultParameterValues", null);
        using ComfyEmulator other = ComfyEmulator.Start(new() { Speed = 0 });
        other.AddFault("GET /workflows = truncate");
        EngineRun run = Engine.Run("Invoke-ComfyApi /workflows -Connection $other", ("other", ConnectionTo(other, "other")));
        Assert.StartsWith("[{", run.One<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_rejected_request_is_one_error_with_the_services_message()
    {
        EngineRun run = Engine.RunWithErrors("Invoke-ComfyApi /run/$id; Invoke-ComfyApi /no/such", ("id", MissingId));
        Assert.Equal(["NotFound", "NotSupportedByServer"], run.Errors.Select(IdOf));
        Assert.DoesNotContain("base URL", run.Errors[1].ToString(), StringComparison.Ordinal);
        Assert.Contains("Run not found (HTTP 404)", run.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Equal($"/run/{MissingId}", run.Errors[0].TargetObject);
    }

    [Fact]
    public void RequestTimeout_limits_one_call()
    {
        Hasten();
        Emulator.AddFault("* /workflows = hang always");
        EngineRun read = Engine.RunWithErrors("Invoke-ComfyApi /workflows -RequestTimeout 100ms");
        Assert.Contains("0.1 s", read.Error("RequestTimeout").ToString(), StringComparison.Ordinal);
        // One before each of the four retries; a request may time out before the service has read it.
        Assert.Equal(4, read.Warnings.Count);
        EngineRun write = Engine.RunWithErrors("Invoke-ComfyApi /workflows -Method POST -RequestTimeout 100ms");
        write.Error("RequestTimeout");
        Assert.Empty(write.Warnings);
        Assert.InRange(Emulator.Requests.Count, 1, 5 + 1);
    }

    [Fact]
    public void A_redirect_is_not_followed()
    {
        using FileStorage elsewhere = new(1);
        Emulator.AddFault($"* /workflows = redirect {elsewhere.Link("x")} always");
        Engine.RunWithErrors("Invoke-ComfyApi /workflows").Error("ServiceError");
        Engine.RunWithErrors("Invoke-ComfyApi /workflows -Method POST").Error("ServiceError");
        Assert.Empty(elsewhere.Requests);
    }

    [Fact]
    public void A_response_becomes_objects()
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
    public void WhatIf_sends_reads_and_no_changes()
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
    public void The_key_is_sent_nowhere_else(string path)
    {
        EngineRun run = Engine.RunWithErrors("Invoke-ComfyApi $path", ("path", path));
        Assert.All(Emulator.Requests, request => Assert.StartsWith("/api/", request.Path, StringComparison.Ordinal));
        Assert.NotEmpty(run.Errors);
    }

    private void AssertRefused(string path)
    {
        EngineRun run = Engine.RunWithErrors("Invoke-ComfyApi $path", ("path", path));
        Assert.Equal(ErrorCategory.SecurityError, run.Error("ForeignOrigin").CategoryInfo.Category);
        Assert.Empty(Emulator.Requests);
    }
}
