using System.Collections;
using ComfyDeploy.Commands;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

public sealed class GetComfyDeploymentInputTests() : EngineTest(host: new CapturingHost(120))
{
    private const string PortraitInputs = "prompt negative_prompt seed steps cfg style hires image";

    [Theory]
    [InlineData("Get-ComfyDeploymentInput portrait")]
    [InlineData("'portrait' | Get-ComfyDeploymentInput")]
    [InlineData("Get-ComfyDeployment portrait/staging | Get-ComfyDeploymentInput")]
    [InlineData("Start-ComfyRun portrait | Get-ComfyDeploymentInput")]
    [InlineData("Start-ComfyRun portrait -Repeat 3 | Get-ComfyDeploymentInput")]
    [InlineData("Get-ComfyDeploymentInput 00000030-0000-4000-8000-000000000030, portrait")]
    public void The_inputs_of_a_deployment_come_once_and_in_order(string script)
    {
        IReadOnlyList<ComfyDeploymentInput> inputs = Engine.Run(script).All<ComfyDeploymentInput>();
        Assert.Equal(PortraitInputs, string.Join(' ', inputs.Select(input => input.Name)));
    }

    [Fact]
    public void Several_deployments_are_told_apart()
    {
        IReadOnlyList<ComfyDeploymentInput> inputs = Engine.Run("Get-ComfyDeploymentInput upscale-4k, animate -Environment staging").All<ComfyDeploymentInput>();
        Assert.Equal(
            ["upscale-4k/staging image", "upscale-4k/staging scale", "animate/staging prompt", "animate/staging frames"],
            inputs.Select(input => $"{input.DeploymentName} {input}"));
    }

    [Fact]
    public void A_deployment_that_does_not_exist_does_not_stop_the_next()
    {
        EngineRun run = Engine.RunWithErrors("Get-ComfyDeploymentInput nope, animate, animate/preview, 'port*'");
        Assert.Equal([ErrorIds.DeploymentNotFound, ErrorIds.DeploymentAmbiguous, ErrorIds.DeploymentNotFound], run.Errors.Select(IdOf));
        Assert.Equal(["nope", "animate", "port*"], run.Errors.Select(error => error.TargetObject));
        Assert.Equal(2, run.Objects.Count);
        Assert.Equal(ErrorIds.InvalidInput, IdOf(Assert.Single(Engine.RunWithErrors("Get-ComfyDeploymentInput portrait -Environment prod").Errors)));
    }

    [Fact]
    public void Nothing_is_read_twice()
    {
        Engine.Run("$d = Get-ComfyDeployment portrait/staging");
        int before = Emulator.Requests.Count;
        Engine.Run("$d | Get-ComfyDeploymentInput; Get-ComfyDeploymentInput upscale-4k");
        Assert.Equal(before, Emulator.Requests.Count);
    }

    [Fact]
    public void Deployments_whose_inputs_the_service_does_not_list_are_a_warning()
    {
        ComfyDeployment silent = new() { DeploymentId = "00000030-0000-4000-8000-000000000030", Name = "portrait", Environment = "production", Connection = Connection };
        EngineRun run = Engine.Run("$silent | Get-ComfyDeploymentInput", ("silent", silent));
        Assert.Empty(run.Objects);
        Assert.Contains("portrait/production", Assert.Single(run.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_CSV_file_has_plain_values()
    {
        EngineRun run = Engine.Run("Get-ComfyDeploymentInput portrait | ForEach-Object { foreach ($p in $_.PSObject.Properties) { $p.Name + '=' + $(if ($null -ne $p.Value) { $p.Value.ToString() }) } }");
        string[] cells = [.. run.Objects.Select(cell => cell.ToString())];
        Assert.Contains("Options=noir; anime; photo", cells);
        Assert.Contains("Default=7.5", cells);
        Assert.DoesNotContain(cells, cell => cell.Contains("System.", StringComparison.Ordinal) || cell.Contains("ComfyDeploy.", StringComparison.Ordinal));
        Assert.Equal(
            ["Name", "Kind", "Type", "Default", "Min", "Max", "Step", "Options", "Description", "DisplayName", "NodeClass", "DeploymentName"],
            cells.Take(12).Select(cell => cell.Split('=')[0]));
    }

    [Fact]
    public void Deserialized_inputs_look_the_same()
    {
        string shown = Engine.Run("$inputs = Get-ComfyDeploymentInput portrait; $inputs | Out-Default").Shown;
        Assert.Contains("noir; anime; photo", shown, StringComparison.Ordinal);
        Assert.Equal(shown, Engine.Run("[System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($inputs)) | Out-Default").Shown);
    }

    [Fact]
    public void Input_names_are_completed_without_a_request_once_the_deployments_are_known()
    {
        Assert.Equal(["seed", "steps", "style"], Complete("portrait"));
        Assert.Equal(2, Emulator.Requests.Count);
        Engine.Run("$d = Get-ComfyDeployment portrait/staging");
        int before = Emulator.Requests.Count;
        Assert.Equal(["seed", "steps", "style"], Complete("Portrait"));
        Assert.Equal(["seed", "steps", "style"], Complete("portrait/staging"));
        Assert.Equal(["scale"], Complete("00000033-0000-4000-8000-000000000033"));
        Assert.Equal(["seed", "steps", "style"], Complete(Engine.Run("$d").One<ComfyDeployment>()));
        Assert.Empty(Complete("nope"));
        Assert.Empty(Complete(null));
        Assert.Equal(before, Emulator.Requests.Count);
    }

    private IEnumerable<string> Complete(object? deployment) =>
        new InputNameCompleter().CompleteArgument("Start-ComfyRun", "InputName", "s", null!, new Hashtable { ["Connection"] = Connection, ["Deployment"] = deployment })
            .Select(result => result.CompletionText);
}
