using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Get-ComfyRunOutput: the outputs of a run.</summary>
public sealed class GetComfyRunOutputTests : OutputsTest
{
    [Fact]
    public void Every_kind_of_output_is_written_with_its_properties()
    {
        string id = Ended("#image #text #video #audio #file #mesh #custom");
        IReadOnlyList<ComfyRunOutput> outputs = Engine.Run("Get-ComfyRunOutput $id", ("id", id)).All<ComfyRunOutput>();
        Assert.Equal(["image", "text", "video", "audio", "file", "mesh", "masks_by_someone"], outputs.Select(output => output.Kind));
        Assert.Equal(Enumerable.Range(0, 7), outputs.Select(output => output.Index));
        Assert.All(outputs, output => Assert.Equal(id, output.RunId));
        Assert.All(outputs, output => Assert.Equal(DateTimeKind.Local, output.CreatedAt!.Value.Kind));
        ComfyRunOutput image = outputs[0];
        Assert.Equal(("ComfyUI_00001_.png", "ComfyUI_00001_.png", "9", "ComfyDeployStdOutputImage", null), (image.FileName, image.Detail, image.NodeId, image.NodeClass, image.Text));
        Assert.Equal(Emulator.StorageUri.Authority, image.Url!.Authority);
        ComfyRunOutput text = outputs[1];
        Assert.Equal(("a caption produced by a text node", "a caption produced by a text node", null, null), (text.Text, text.Detail, text.FileName, text.Url));
    }

    [Theory]
    [InlineData("image", "image image image")]
    [InlineData("TEXT", "text")]
    [InlineData("text','image", "image image image text")]
    [InlineData("masks_by_someone", "")]
    public void Kind_filters_and_the_index_stays(string kind, string expected)
    {
        EngineRun run = Engine.Run($"Get-ComfyRunOutput $id -Kind '{kind}'", ("id", Ended("#image #multi #text")));
        Assert.Equal(expected, string.Join(' ', run.All<ComfyRunOutput>().Select(output => output.Kind)));
        if (expected == "text") Assert.Equal(3, run.One<ComfyRunOutput>().Index);
    }

    [Theory]
    [InlineData("Get-ComfyRunOutput $id -Kind vdeo")]
    [InlineData("Save-ComfyRunOutput $folder -RunId $id -Kind image, vdeo")]
    public void A_mistyped_kind_is_refused_before_any_request(string script)
    {
        EngineRun run = Engine.RunWithErrors(script, ("id", MissingId));
        Assert.Contains("Nearest: video", run.Error("InvalidInput").ToString(), StringComparison.Ordinal);
        Assert.Empty(Emulator.Requests);
    }

    [Fact]
    public void A_finished_run_object_is_not_read_again_and_an_id_is_read_once()
    {
        string id = Ended("#multi");
        Assert.Equal(3, Engine.Run("$run = Get-ComfyRun $id; $run | Get-ComfyRunOutput", ("id", id)).Objects.Count);
        Assert.Equal(1, Polls(id));
        Assert.Equal(3, Engine.Run("$id, $id | Get-ComfyRunOutput").Objects.Count);
        Assert.Equal(2, Polls(id));
    }

    [Fact]
    public void A_run_that_was_not_finished_or_came_from_a_list_is_read()
    {
        string id = Start("#multi")[0];
        Engine.Run("$early = Get-ComfyRun $id", ("id", id));
        LetAllEnd();
        Assert.Equal(3, Engine.Run("$early | Get-ComfyRunOutput").Objects.Count);
        Assert.Equal(3, Engine.Run("Get-ComfyRun -Workflow portrait | Get-ComfyRunOutput").Objects.Count);
        Assert.Equal(3, Polls(id));
    }

    [Fact]
    public void The_run_is_hidden_and_usable_by_name()
    {
        EngineRun run = Engine.Run("$o = Get-ComfyRunOutput $id; $o | Where-Object { $_.Run.DeploymentName -eq 'portrait/production' }; $o.PSObject.Properties.Name -contains 'Run'", ("id", Ended("a")));
        Assert.Equal(2, run.Objects.Count);
        Assert.IsType<ComfyRunOutput>(run.Objects[0].BaseObject);
        Assert.False(run.Objects[0].Properties["Run"].IsInstance);
        Assert.DoesNotContain(run.Objects[0].Properties.Match("*"), property => property.Name == "Run");
    }

    [Fact]
    public void Many_runs_keep_their_order()
    {
        IReadOnlyList<string> ids = Start([.. Enumerable.Repeat("a", 20)]);
        LetAllEnd();
        Emulator.AddFault($"GET /run/{ids[0]} = latency 300ms");
        Assert.Equal(ids, Engine.Run("$ids | Get-ComfyRunOutput", ("ids", ids)).All<ComfyRunOutput>().Select(output => output.RunId));
    }

    [Fact]
    public void Each_missing_run_is_reported_and_the_others_are_written()
    {
        string id = Ended("a");
        EngineRun run = Engine.RunWithErrors("$missing, 'no id', $id | Get-ComfyRunOutput", ("missing", MissingId), ("id", id));
        Assert.Equal(id, run.One<ComfyRunOutput>().RunId);
        Assert.Equal(["RunIdInvalid", "RunNotFound"], run.Errors.Select(IdOf).Order());
    }

    [Fact]
    public void Rows_that_were_never_queued_and_runs_without_outputs_give_nothing() =>
        Assert.Empty(Engine.Run("[pscustomobject]@{ RunId = ''; Status = 'not-queued' }, $id | Get-ComfyRunOutput", ("id", Ended("#nooutput"))).Objects);

    [Fact]
    public void A_row_and_an_output_refer_to_their_run()
    {
        string id = Ended("#multi");
        EngineRun run = Engine.Run("[pscustomobject]@{ RunId = $id }, (Get-ComfyRunOutput $id)[1] | Get-ComfyRunOutput", ("id", id));
        Assert.Equal([0, 1, 2], run.All<ComfyRunOutput>().Select(output => output.Index));
    }

    [Fact]
    public void Outputs_have_their_index_and_kind()
    {
        string[] ids = [.. Start("#multi=2 #text", "#video")];
        LetAllEnd();
        IReadOnlyList<ComfyRunOutput> outputs = Engine.Run("$ids | Get-ComfyRunOutput", ("ids", ids)).All<ComfyRunOutput>();
        Assert.Equal(Emulator.Runs[0].RunId, outputs[0].RunId);
        Assert.Equal(["image", "image", "text", "video"], outputs.Select(output => output.Kind).Order(StringComparer.Ordinal));
        Assert.Single(Engine.Run("$ids | Get-ComfyRunOutput -Kind text", ("ids", ids)).Objects);
    }
}
