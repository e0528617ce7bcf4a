using System.Text.RegularExpressions;
using ComfyDeploy.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>A command that a message advises works when it is pasted.</summary>
public sealed partial class AdviceTests : EngineTest
{
    private const string Nobody = "11111111-0000-4000-8000-000000000000";

    [Theory]
    [InlineData("Get-ComfyRun portrait", "Get-ComfyRun -Workflow portrait")]
    [InlineData("Get-ComfyRun portrait/production", "Get-ComfyRun -Deployment portrait/production")]
    [InlineData("Stop-ComfyRun portrait/production", "Get-ComfyRun -Deployment portrait/production")]
    [InlineData("Get-ComfyDeployment portrait/staging | Wait-ComfyRun", "Get-ComfyDeployment portrait/staging | Get-ComfyRun")]
    [InlineData("Get-ComfyDeployment -DeploymentId portrait", "Get-ComfyDeployment portrait")]
    [InlineData("Start-ComfyRun nothing", "Get-ComfyDeployment")]
    [InlineData("Start-ComfyRun portrait | Wait-ComfyRun -Timeout 0", "'{0}' | Stop-ComfyRun")]
    [InlineData("Start-ComfyRun portrait | Wait-ComfyRun -Timeout 0", "'{0}' | Wait-ComfyRun -Timeout 0 -ErrorAction Ignore")]
    public void Advice_in_an_error(string script, string command)
    {
        string message = Assert.Single(Engine.RunWithErrors(script).Errors).ToString();
        string advised = string.Format(null, command, Emulator.Runs is [var first, ..] ? first.RunId : null);
        Assert.Contains(advised.Split(" -Timeout")[0], message, StringComparison.Ordinal);
        Engine.Run(advised);
    }

    [Fact]
    public void A_run_whose_deployment_is_not_known_can_be_listed_with_it()
    {
        string id = Start("a")[0];
        // Another session knows nothing of the run.
        ComfyConnection later = ConnectionTo(Emulator, "later");
        ApiSession.Attach(new(later, new HttpClientHandler()));
        Engine.Run("$PSDefaultParameterValues = @{ '*-Comfy*:Connection' = $later }", ("later", later));
        string message = Engine.RunWithErrors("Get-ComfyRun $id | Get-ComfyDeployment", ("id", id)).Error("DeploymentUnknown").ToString();
        Assert.Equal("portrait/production", Engine.Run(Advised(message)).One<ComfyDeployment>().DeploymentName);
    }

    [Fact]
    public void A_lost_create_can_be_looked_for()
    {
        Engine.Set("hasty", WithoutPauses());
        Emulator.AddFault("POST /run/deployment/queue = reset");
        string message = Engine.RunWithErrors("Start-ComfyRun portrait -Connection $hasty").Error("AmbiguousCreate").ToString();
        Engine.Run(Advised(message));
    }

    [Theory]
    [InlineData("it's mine", "Get-ComfyRun -Workflow 'it''s mine'")]
    [InlineData("it's mine/staging", "Get-ComfyRun -Deployment 'it''s mine/staging'")]
    [InlineData("$(calc)", "Get-ComfyRun -Workflow '$(calc)'")]
    public void A_name_is_in_quotes_where_it_needs_them(string name, string command)
    {
        string message = Engine.RunWithErrors("Get-ComfyRun $name", ("name", name)).Error("RunIdInvalid").ToString();
        Assert.EndsWith(command, message, StringComparison.Ordinal);
        Engine.RunWithErrors(command).Error(name.Contains('/', StringComparison.Ordinal) ? "DeploymentNotFound" : "WorkflowNotFound");
    }

    [Fact]
    public void A_deployment_that_is_given_as_a_workflow_is_advised_as_one()
    {
        string message = Engine.RunWithErrors("Get-ComfyRun -Workflow portrait/production").Error("WorkflowNotFound").ToString();
        Assert.EndsWith("-Deployment portrait/production", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_name_of_another_connection_is_in_quotes_where_it_needs_them()
    {
        EngineRun run = Engine.RunWithErrors($"[pscustomobject]@{{ RunId = '{Nobody}'; ConnectionName = 'studio two' }} | Get-ComfyRun");
        Assert.EndsWith("-Connection 'studio two'.", Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    /// <summary>The command at the end of a message.</summary>
    private static string Advised(string message) => CommandAtEnd().Match(message).Value;

    [GeneratedRegex("Get-ComfyRun .*$")]
    private static partial Regex CommandAtEnd();
}
