using System.Numerics;
using System.Text.Json;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Tests.Client;

/// <summary>Inputs as they are sent, and their comparison with stored ones.</summary>
public sealed class InputComparisonTests
{
    [Theory]
    [InlineData("{}", "{}", true)]
    [InlineData("{}", null, true)]
    [InlineData("""{"a":1}""", null, false)]
    [InlineData("""{"a":1,"b":2}""", """{"b":2,"a":1}""", true)]
    [InlineData("""{"a":1}""", """{"a":1,"b":2}""", false)]
    [InlineData("""{"a":1,"b":2}""", """{"a":1}""", false)]
    [InlineData("""{"a":1}""", """{"A":1}""", false)]
    [InlineData("""{"a":1}""", """{"a":1.0}""", true)]
    [InlineData("""{"a":1e2}""", """{"a":100}""", true)]
    [InlineData("""{"a":0.1}""", """{"a":0.10}""", true)]
    [InlineData("""{"a":1}""", """{"a":"1"}""", false)]
    [InlineData("""{"a":1}""", """{"a":true}""", false)]
    [InlineData("""{"a":true}""", """{"a":false}""", false)]
    [InlineData("""{"a":18446744073709551615}""", """{"a":18446744073709551615}""", true)]
    [InlineData("""{"a":18446744073709551615}""", """{"a":18446744073709551614}""", false)]
    [InlineData("""{"a":9007199254740993}""", """{"a":9007199254740992}""", false)]
    [InlineData("""{"a":1e300}""", """{"a":1e300}""", true)]
    [InlineData("""{"a":0.30000000000000004440892}""", """{"a":0.30000000000000004}""", true)]
    [InlineData("""{"a":0.3}""", """{"a":0.30000000000000004}""", false)]
    [InlineData("""{"a":[1,2]}""", """{"a":[1,2]}""", true)]
    [InlineData("""{"a":[1,2]}""", """{"a":[2,1]}""", false)]
    [InlineData("""{"a":[1]}""", """{"a":[1,2]}""", false)]
    [InlineData("""{"a":"text"}""", """{"a":"text"}""", true)]
    [InlineData("""{"a":"text"}""", """{"a":"Text"}""", false)]
    [InlineData("""{"a":"\u00fc"}""", """{"a":"ü"}""", true)]
    [InlineData("""{"a":"data:image/png;base64,AAAA"}""", """{"a":"https://bucket.test/inputs/img_1.png"}""", true)]
    [InlineData("""{"a":"data:image/png;base64,AAAA","b":1}""", """{"a":"https://bucket.test/inputs/img_1.png","b":2}""", false)]
    [InlineData("""{"a":"https://bucket.test/in/cat.png"}""", """{"a":"https://bucket.test/in/cat.png?X-Amz-Signature=1"}""", true)]
    [InlineData("""{"a":"https://bucket.test/in/cat.png"}""", """{"a":"https://bucket.test/in/dog.png"}""", false)]
    [InlineData("""{"a":"https://bucket.test/in/cat.png"}""", """{"a":"cat.png"}""", false)]
    [InlineData("""{"a":"https://a.test/x/ComfyUI_00001_.png"}""", """{"a":"https://b.test/y/ComfyUI_00001_.png"}""", false)]
    [InlineData("""{"a":"https://a.test/ComfyUI_00001_.png"}""", """{"a":"https://b.test/ComfyUI_00001_.png"}""", false)]
    [InlineData("""{"a":"https://a.test/ComfyUI_00001_.png"}""", """{"a":"https://b.test/y/ComfyUI_00001_.png"}""", false)]
    [InlineData("""{"a":"https://a.test/cat.png"}""", """{"a":"https://a.test/cat.png?v=1"}""", true)]
    [InlineData("""{"a":"https://bucket.s3.test/inputs/cat.png"}""", """{"a":"https://s3.test/bucket/inputs/cat.png?v=1"}""", true)]
    [InlineData("""{"a":"https://s3.test/bucket/inputs/cat.png"}""", """{"a":"https://bucket.s3.test/inputs/cat.png"}""", true)]
    [InlineData("""{"a":"https://a.test/s/cat.png"}""", """{"a":"https://a.test/inputs/cat.png"}""", false)]
    [InlineData("""{"a":1e999}""", """{"a":1e999}""", true)]
    [InlineData("""{"a":"half \ud83d"}""", """{"a":"half \ufffd"}""", true)]
    [InlineData("""{"a":1}""", "[1]", false)]
    public void Stored_inputs_are_compared_by_meaning(string sent, string? stored, bool same) => Assert.Equal(same, InputComparison.AreSame(sent, stored));

    [Theory]
    [InlineData("https://h.test/get?id=1&sig=a", "https://h.test/get?id=1&sig=a", true)]
    [InlineData("https://h.test/get?id=1&sig=a", "https://h.test/get?id=2&sig=a", false)]
    [InlineData("like https://h.test/a.png?sig=a please", "like https://h.test/a.png?sig=a please", true)]
    [InlineData("like https://h.test/a.png?sig=a please", "like https://h.test/a.png?sig=b please", false)]
    [InlineData("like https://h.test/a.png?sig=a please", "like https://h.test/a.png?sig=a but blue", false)]
    [InlineData("a\nb https://h.test/a.png?sig=a", "a\nb https://h.test/a.png?sig=a", true)]
    [InlineData("https://bucket.s3.test/in/cat.png?X-Amz-Signature=1", "https://s3.test/bucket/in/cat.png?X-Amz-Signature=2", true)]
    [InlineData("https://bucket.s3.test/in/cat.png?X-Amz-Signature=1", "https://s3.test/bucket/in/dog.png?X-Amz-Signature=2", false)]
    [InlineData("like https://s3.test/a.png?X-Amz-Signature=1 please", "like https://s3.test/a.png?X-Amz-Signature=2 please", true)]
    public void A_recorded_text_is_the_stored_one_when_it_is_equal_or_signed_anew(string sent, string stored, bool same) =>
        Assert.Equal(same, InputComparison.AreSame(RecordedInputs.Of(OfText(sent)), OfText(stored)));

    [Theory]
    [InlineData("https://h.test/get?…", "https://h.test/get?id=1&sig=a", true)]
    [InlineData("https://h.test/get?…", "https://h.test/put?id=1&sig=a", false)]
    [InlineData("like https://h.test/a.png?… please", "like https://h.test/a.png?sig=a please", true)]
    [InlineData("like https://h.test/a.png?… please", "like https://h.test/a.png?sig=a but blue", false)]
    public void A_text_that_was_recorded_without_its_hash_is_compared_without_its_signature(string recorded, string stored, bool same) =>
        Assert.Equal(same, InputComparison.AreSame(OfText(recorded), OfText(stored)));

    [Fact]
    public void Inputs_as_deep_as_they_can_be_written_are_compared()
    {
        string deep = $$"""{"a":{{new string('[', 500)}}{{new string(']', 500)}}}""";
        Assert.True(InputComparison.AreSame(deep, deep));
    }

    [Theory]
    [InlineData("""{"a":1}""", """{"a":1}""", false)]
    [InlineData("""{"a":1}""", """{"a":2}""", false)]
    [InlineData("""{"a":1}""", """{"a":1.0}""", true)]
    [InlineData("""{"a":"data:x,A"}""", """{"a":"data:x,A"}""", true)]
    [InlineData("""{"a":"data:x,A"}""", """{"a":"data:x,B"}""", true)]
    [InlineData("""{"a":"https://a.test/x/c.png"}""", """{"a":"data:x,B"}""", true)]
    [InlineData("""{"a":"data:x,A","b":1}""", """{"a":"data:x,B","b":2}""", false)]
    public void Creates_are_confusable_when_a_run_could_be_of_either_and_it_matters(string sent, string other, bool confusable)
    {
        Assert.Equal(confusable, InputComparison.AreConfusable(sent, other));
        Assert.Equal(confusable, InputComparison.AreConfusable(other, sent));
    }

    [Fact]
    public void A_file_is_compared_without_its_content()
    {
        string sent = """{"a":"data:image/png;base64,AAAA+/=","b":"say data: \"data:\""}""";
        Assert.Equal("""{"a":"data:","b":"say data: \"data:\""}""", InputComparison.WithoutData(sent));
    }

    [Theory]
    [InlineData("queue-inputs-coercion", "run-get-inputs-coercion")]
    [InlineData("queue-bigint-seed", "run-get-bigint-seed")]
    [InlineData("queue-unicode-input", "run-get-unicode-input")]
    public void The_recorded_sent_inputs_equal_the_recorded_stored_inputs(string sent, string stored)
    {
        using JsonDocument request = JsonDocument.Parse(File.ReadAllText(Path.Combine(BuiltModule.Fixtures, sent + ".json")));
        JsonElement body = request.RootElement.GetProperty("request").GetProperty("body");
        using JsonDocument? parsed = body.ValueKind == JsonValueKind.String ? JsonDocument.Parse(body.GetString()!) : null;
        string inputs = (parsed?.RootElement ?? body).GetProperty("inputs").GetRawText();
        Assert.True(InputComparison.AreSame(inputs, Recorded.ToRun(Recorded.Exchange(stored).Body).InputsJson));
    }

    [Fact]
    public void Every_kind_of_value_is_written_as_JSON()
    {
        Dictionary<string, object?> inputs = new()
        {
            ["text"] = "ü \"quoted\" <b>\n",
            ["flag"] = true,
            ["small"] = (byte)7,
            ["large"] = ulong.MaxValue,
            ["huge"] = BigInteger.Parse("123456789012345678901234567890", System.Globalization.CultureInfo.InvariantCulture),
            ["decimal"] = 1.50m,
            ["double"] = 0.1,
            ["list"] = new object?[] { 1, "a", null },
            ["map"] = new Dictionary<string, object?> { ["b"] = null },
            ["id"] = Guid.Empty,
        };
        Assert.Equal(
            """{"text":"ü \"quoted\" <b>\n","flag":true,"small":7,"large":18446744073709551615,"huge":123456789012345678901234567890,"decimal":1.50,"double":0.1,"list":[1,"a",null],"map":{"b":null},"id":"00000000-0000-0000-0000-000000000000"}""",
            JsonText.Write(inputs));
    }

    [Fact]
    public void A_prompt_with_a_lone_surrogate_is_still_sent()
    {
        string json = JsonText.Write(new Dictionary<string, object?> { ["prompt"] = "a cat \ud83d" });
        Assert.True(InputComparison.AreSame(json, """{"prompt":"a cat \ufffd"}"""));
    }

    [Fact]
    public async Task A_create_sends_the_requested_values()
    {
        ClientUnderTest test = new(() => Reply.Json($$"""{"run_id":"{{ClientUnderTest.RunId}}"}"""));
        CreateRequest request = new(new DeploymentTarget("d", "portrait/production"), """{"prompt":"ü","seed":18446744073709551615}""", "H100", new Uri("https://hook.test/a?b=c"), true);
        Assert.Equal(ClientUnderTest.RunId, await test.Client.CreateRunAsync(request, default).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(
            """{"deployment_id":"d","inputs":{"prompt":"ü","seed":18446744073709551615},"gpu":"H100","webhook":"https://hook.test/a?b=c","webhook_intermediate_status":true}""",
            Assert.Single(test.Handler.Requests).Body);
    }

    private static string OfText(string text) => JsonText.Write(new Dictionary<string, object?> { ["a"] = text });
}
