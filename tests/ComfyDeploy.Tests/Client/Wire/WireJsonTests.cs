using System.Text;
using System.Text.Json;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Answers that are odd in one place are read for the rest.</summary>
public sealed class WireJsonTests
{
    [Theory]
    [InlineData("""{"id":"a","run_duration":1e999}""")]
    [InlineData("""{"id":"a","run_duration":"1e999","progress":-1e999,"created_at":1e999,"is_realtime":1e999}""")]
    [InlineData("""{"id":"a","unknown \ud800":"half \udc00 of an emoji"}""")]
    [InlineData("\uFEFF{\"id\":\"a\"}")]
    public void An_odd_field_does_not_cost_the_run(string json)
    {
        ComfyRun run = Recorded.ToRun(json);
        Assert.Equal("a", run.RunId);
        Assert.Null(run.RunSeconds);
        _ = run.AdditionalProperties?.ToString();
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_become_replacement_characters()
    {
        byte[] json = [.. Encoding.UTF8.GetBytes("""{"id":"a","live_status":"x"""), 0xFF, 0xFE, .. Encoding.UTF8.GetBytes("\",\"other\":\""), 0xC3, .. Encoding.UTF8.GetBytes("\"}")];
        RunWire wire = WireJson.ReadRun(Recorded.Body(json));
        Assert.Equal("x\uFFFD\uFFFD", wire.LiveStatus);
        Assert.Equal([new("other", "\uFFFD")], wire.Unknown!);
    }

    [Fact]
    public void Items_of_a_list_that_are_not_objects_are_left_out()
    {
        static List<T> Read<T>(string json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<List<T>> type) => WireJson.Read(Recorded.Body(json), type);
        const string Json = """[null,1,"x",[],{"id":"a"}]""";
        Assert.Equal("a", Assert.Single(Read(Json, WireContext.Default.ListRunWire)).Id);
        Assert.Equal("a", Assert.Single(Read(Json, WireContext.Default.ListDeploymentWire)).Id);
        Assert.Equal("a", Assert.Single(Read(Json, WireContext.Default.ListWorkflowWire)).Id);
        Assert.Equal("a", Assert.Single(Read(Json, WireContext.Default.ListNamedWire)).Id);
        Assert.Single(Read(Json, WireContext.Default.ListLogLineWire));
        Assert.Equal("a", Assert.Single(WireJson.Read(Recorded.Body($$"""{"data":{{Json}}}"""), WireContext.Default.RunPageWire).Data!).Id);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("\"text\"")]
    public void An_answer_that_is_not_a_list_is_an_error(string json) =>
        Assert.ThrowsAny<JsonException>(() => WireJson.ReadRuns(Recorded.Body(json)));

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"id\":\"a\"")]
    [InlineData("{\"id\":\"a\"} {}")]
    [InlineData("{\"id\":\"a\"}x")]
    public void An_answer_that_is_not_a_run_is_an_error(string json) => Assert.ThrowsAny<JsonException>(() => WireJson.ReadRun(Recorded.Body(json)));

    [Theory]
    [InlineData("[")]
    [InlineData("[{\"id\":\"a\"}")]
    [InlineData("[{\"id\":\"a\"},")]
    [InlineData("[]]")]
    public void Half_a_list_is_an_error(string json) => Assert.ThrowsAny<JsonException>(() => WireJson.ReadRuns(Recorded.Body(json)));

    [Fact]
    public void Times_that_run_backward_are_no_seconds_below_zero() =>
        Assert.Equal(0, Recorded.ToRun("""{"id":"a","created_at":"2026-01-01T00:00:00.5Z","queued_at":"2026-01-01T00:00:00Z"}""").QueueSeconds);
}
