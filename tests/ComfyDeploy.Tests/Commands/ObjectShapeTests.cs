using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>The members of a run in PowerShell: the columns of a file, and the members available by name.</summary>
public sealed class ObjectShapeTests : EngineTest
{
    // The order of surface.md; it is the order of the columns of a CSV.
    private static readonly string[] Columns =
    [
        "RunId", "DeploymentName", "WorkflowName", "Label", "Status", "IsFinished", "IsSuccess", "Error", "Gpu", "CreatedAt", "QueuedAt", "StartedAt", "EndedAt",
        "QueueSeconds", "ColdStartSeconds", "RunSeconds", "TotalSeconds", "EstimatedCost", "PercentComplete", "LiveStatus", "QueuePosition", "OutputCount", "OutputUrl",
        "Outputs", "Inputs", "DeploymentId", "WorkflowId", "WorkflowVersionId", "MachineId", "MachineType", "BatchId", "Origin", "UserId", "OrgId", "RestartOf", "ConnectionName",
    ];

    private readonly ComfyRun _run;

    public ObjectShapeTests()
    {
        Engine.Set("id", Start("a fox #multi=2")[0]);
        LetAllEnd();
        _run = Engine.Run("$run = Get-ComfyRun $id; $run").One<ComfyRun>();
    }

    [Fact]
    public void The_columns_are_in_order() =>
        Assert.Equal(Columns, Engine.Run("$run.PSObject.Properties | ForEach-Object { $_.Name }").Objects.Select(o => o.ToString()));

    [Theory]
    [InlineData("Id")]
    [InlineData("Done")]
    [InlineData("Detail")]
    [InlineData("QueueTime")]
    [InlineData("ColdStartTime")]
    [InlineData("RunTime")]
    [InlineData("TotalTime")]
    [InlineData("Age")]
    [InlineData("WorkflowApi")]
    [InlineData("Log")]
    [InlineData("AdditionalProperties")]
    [InlineData("Webhook")]
    [InlineData("FunctionCallId")]
    public void Hidden_members_are_available_by_name(string name)
    {
        EngineRun run = Engine.Run("$run.PSObject.Properties[$name].Name; $run.PSObject.Properties | ForEach-Object { if ($_.Name -eq $name) { 'shown' } }; $null = $run.$name", ("name", name));
        Assert.Equal(name, Assert.Single(run.Objects).ToString());
    }

    [Theory]
    [InlineData("Where-Object RunTime -gt '00:00:01'")]
    [InlineData("Where-Object RunTime -gt ([timespan]'00:00:01')")]
    [InlineData("Where-Object RunSeconds -lt 60")]
    [InlineData("Where-Object { $_.Id -eq $id }")]
    [InlineData("Where-Object Done -ge 50")]
    [InlineData("Where-Object Age -lt '02:00:00'")]
    [InlineData("Where-Object Status -eq Success")]
    [InlineData("Where-Object IsSuccess")]
    [InlineData("Where-Object Detail -eq '2 outputs'")]
    [InlineData("Where-Object { $_.TotalTime -ge $_.RunTime }")]
    [InlineData("Where-Object { $_.Inputs.prompt -like 'a fox*' }")]
    [InlineData("Where-Object { $_.CreatedAt -is [datetime] -and $_.CreatedAt.Kind -eq 'Local' }")]
    public void A_run_is_found_by_its_visible_properties(string filter) => Assert.Single(Engine.Run("$run | " + filter).Objects);

    [Fact]
    public void Cells_are_scalar_or_have_their_own_text()
    {
        EngineRun run = Engine.Run("foreach ($p in $run.PSObject.Properties) { \"$($p.Value)\" }");
        Assert.DoesNotContain(run.Objects, cell => cell.ToString().Contains("System.", StringComparison.Ordinal) || cell.ToString().Contains("ComfyDeploy.", StringComparison.Ordinal));
        Assert.Equal("""{"prompt":"a fox #multi=2"}""", _run.Inputs!.ToString());
        Assert.Equal(2, _run.Outputs!.ToString()!.Split("; ").Length);
    }

    [Fact]
    public void Inputs_are_a_new_object_at_each_read()
    {
        EngineRun run = Engine.Run("$run.Inputs.PSObject.Properties.Add([psnoteproperty]::new('x', 1)); @($run.Inputs.PSObject.Properties).Count");
        Assert.Equal(1, Assert.Single(run.Objects).BaseObject);
    }

    [Fact]
    public void Seconds_are_doubles_and_costs_are_decimals()
    {
        Assert.IsType<double>(_run.RunSeconds);
        Assert.IsType<decimal>(_run.EstimatedCost);
        Assert.Equal(100, _run.PercentComplete);
        Assert.IsType<int>(_run.OutputCount);
        Assert.IsType<Uri>(_run.OutputUrl);
    }

    [Fact]
    public void Scripts_cannot_change_a_snapshot() =>
        Assert.Empty(typeof(ComfyRun).GetProperties().Where(property => property.SetMethod is { IsPublic: true }).Select(property => property.Name));

    [Fact]
    public void A_row_is_not_turned_into_a_run() =>
        Assert.NotEmpty(Engine.RunWithErrors("[ComfyDeploy.ComfyRun][pscustomobject]@{ RunId = 'x' }").Errors);

    [Fact]
    public void Runs_survive_serialization()
    {
        EngineRun run = Engine.Run("""
            $xml = [System.Management.Automation.PSSerializer]::Serialize($run, 2)
            $again = [System.Management.Automation.PSSerializer]::Deserialize($xml)
            "$($again.RunId) $($again.Status) $($again.IsSuccess) $($again.RunTime -eq $run.RunTime)"
            $again | Out-Default
            ($again | Get-ComfyRun).RunId
            """);
        Assert.Equal([$"{_run.RunId} success True True", _run.RunId!], run.Objects.Select(o => o.ToString()));
        Assert.Contains("RunId    DeploymentName       Status", run.Shown, StringComparison.Ordinal);
    }
}
