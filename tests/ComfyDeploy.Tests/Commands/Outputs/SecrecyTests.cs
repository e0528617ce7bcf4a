using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>What must not leak: the key to any host but the service, a signed link to any stream, a server's control characters to a console.</summary>
public sealed class SecrecyTests : OutputsTest
{
    private const string Id = "0a1b2c3d-1111-4222-8333-444455556666";

    private string Key => Emulator.ApiKey.Reveal();

    [Fact]
    public void The_key_is_sent_neither_to_the_storage_nor_to_a_redirect_of_it()
    {
        using FileStorage elsewhere = new(10);
        string id = Ended("#private #multi");
        Emulator.AddFault($"GET /outputs/*00001* = redirect {elsewhere.Link("moved")}");
        Engine.Run("Save-ComfyRunOutput $folder -RunId $id", ("id", id));
        Assert.Equal(3, Downloads.Count);
        Assert.All(Downloads, request => Assert.False(request.HasAuthorization));
        string head = Assert.Single(elsewhere.Requests);
        Assert.DoesNotContain("authorization", head, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Key, head, StringComparison.Ordinal);
        Assert.Equal(elsewhere.File, File.ReadAllBytes(Path.Combine(Folder, Files[0])));
    }

    [Theory]
    [InlineData("Get-ComfyRunOutput $id")]
    [InlineData("Save-ComfyRunOutput $folder -RunId $id")]
    [InlineData("Stop-ComfyRun $id")]
    [InlineData("Invoke-ComfyApi /run/$id")]
    public void A_redirect_of_the_service_is_never_followed(string script)
    {
        using FileStorage elsewhere = new(10);
        string id = Ended("a");
        Emulator.AddFault($"* /run/* = redirect {elsewhere.Link("stolen")} always");
        Assert.Contains("redirect", Engine.RunWithErrors(script, ("id", id)).Error("ServiceError").ToString(), StringComparison.Ordinal);
        Assert.Empty(elsewhere.Requests);
    }

    [Theory]
    [InlineData("Get-ComfyRun $id | Out-Default")]
    [InlineData("Get-ComfyRunOutput $id | Out-Default")]
    [InlineData("& { Get-ComfyRun $id; Get-ComfyRunOutput $id } | Out-Default")]
    [InlineData("Save-ComfyRunOutput $folder -RunId $id | Out-Default")]
    [InlineData("Save-ComfyRunOutput $folder -RunId $id -WhatIf")]
    [InlineData("Get-ComfyRun $id | Save-ComfyRunOutput $folder -Existing Error | Out-Default", "403 always")]
    [InlineData("Get-ComfyRunOutput $id | Save-ComfyRunOutput $folder | Out-Default", "503 always")]
    [InlineData("Save-ComfyRunOutput $folder -RunId $id", "cut always")]
    [InlineData("Save-ComfyRunOutput $folder -RunId $id", "reset always")]
    [InlineData("Wait-ComfyRun $id | Save-ComfyRunOutput $folder | Out-Default")]
    [InlineData("Stop-ComfyRun $id -PassThru | Out-Default")]
    public void Signed_links_and_the_key_are_in_no_stream_and_no_table(string script, string? fault = null)
    {
        string id = Ended("#private #multi");
        if (fault is not null) Hasten();
        if (fault is not null) Emulator.AddFault($"GET /outputs/* = {fault}");
        // Not -Debug, with which the engine prompts at each warning.
        EngineRun run = Engine.RunWithErrors("$VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'; " + script, ("id", id));
        Assert.Equal(fault is null ? 0 : 3, run.Errors.Count);
        string everything = run.Everything();
        Assert.Contains(id[..8], everything, StringComparison.Ordinal);
        Assert.DoesNotContain("X-Amz", everything, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Key, everything, StringComparison.Ordinal);
    }

    [Fact]
    public void A_servers_control_characters_reach_no_console()
    {
        string id = Ended("#badname");
        Emulator.AddFault("GET /outputs/* = 404 always");
        EngineRun run = Engine.RunWithErrors("Get-ComfyRunOutput $id | Out-Default; Save-ComfyRunOutput $folder -RunId $id -NameTemplate '{FileName}' -Verbose | Out-Default", ("id", id));
        Assert.Equal(12, run.Errors.Count);
        AssertClean([run.Shown, .. run.Verbose, .. run.Debug, .. run.Warnings, .. run.Errors.Select(error => error.ToString())]);
    }

    [Fact]
    public void Control_characters_of_a_status_a_name_or_an_error_reach_no_console()
    {
        using FileStorage storage = new(10);
        string id = Start("#stuck")[0];
        Emulator.SetStatus(id, "run\u001b[2Jning\u0007");
        ComfyRun bad = Whole(Id);
        bad.DeploymentName = "evil\u001b[31m\nname";
        bad.Outputs = new([new()
        {
            Run = bad,
            Kind = "ima\u001bge",
            NodeClass = "Node\u0007\r\nClass",
            FileName = "x\u001b]0;title\u0007.png",
            Url = storage.Link("x"),
        }]);
        Engine.Set("bad", bad);
        EngineRun run = Engine.RunWithErrors(
            """
            $bad | Out-Default
            $bad.Outputs | Out-Default
            $bad | Save-ComfyRunOutput $folder -Verbose -WhatIf
            $bad | Save-ComfyRunOutput $folder -Verbose -NameTemplate '{Deployment}_{Kind}'
            $bad | Stop-ComfyRun -WhatIf
            Stop-ComfyRun $id -PassThru -Wait -Timeout 0 | Out-Default
            """,
            ("id", id));
        AssertClean([run.Shown, .. run.Verbose, .. run.Errors.Select(error => error.ToString())]);
        Assert.All(Files, name => AssertClean([name]));
    }

    private static void AssertClean(IEnumerable<string> lines) =>
        Assert.All(lines, line => Assert.DoesNotContain(line, c => char.IsControl(c) && c is not '\n' and not '\r'));
}
