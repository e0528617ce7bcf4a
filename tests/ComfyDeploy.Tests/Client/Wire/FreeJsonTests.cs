using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Numerics;
using ComfyDeploy.Text;

namespace ComfyDeploy.Tests.Client;

/// <summary>JSON of no fixed shape becomes what PowerShell works with.</summary>
public sealed class FreeJsonTests
{
    [Fact]
    public void No_JSON_type_is_left_anywhere()
    {
        foreach (Exchange exchange in Recorded.Successes("run-get-*.json"))
        {
            ComfyRun run = Recorded.ToRun(exchange.Body);
            foreach (object? value in (object?[])[run.Inputs, run.AdditionalProperties, run.WorkflowApi, run.Log]) AssertPlain(value);
        }
        AssertPlain(FreeJson.Read("""{"a":[1,2.5,"x",true,null,{"b":[{}]}]}"""));
    }

    [Fact]
    public void Names_that_PowerShell_cannot_hold_apart_are_told_apart()
    {
        PSObject value = FreeJson.ReadObject("""{"a":1,"A":2,"":3,"a_":4}""")!;
        Assert.Equal(["a", "A_", "_", "a__"], value.Properties.Select(property => property.Name));
        Assert.Equal([1L, 2L, 3L, 4L], value.Properties.Select(property => property.Value));
    }

    [Theory]
    [InlineData("ToString")]
    [InlineData("toString")]
    [InlineData("psobject")]
    [InlineData("PSBase")]
    [InlineData("psadapted")]
    [InlineData("pstypenames")]
    [InlineData("GetType")]
    [InlineData("a.b c*[0]")]
    public void A_name_of_PowerShell_s_own_does_no_harm(string name)
    {
        PSObject value = FreeJson.ReadObject($$"""{"{{name}}":1,"other":2}""")!;
        Assert.Equal(2, value.Properties.Count());
        Assert.Equal(2L, value.Properties["other"].Value);
        Assert.StartsWith("{", value.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("\"other\":2}", value.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_keep_their_value()
    {
        PSObject value = FreeJson.ReadObject("""{"a":9223372036854775807,"b":18446744073709551615,"c":-1,"d":0.1,"e":1e3}""")!;
        Assert.Equal(long.MaxValue, value.Properties["a"].Value);
        Assert.Equal(new BigInteger(ulong.MaxValue), value.Properties["b"].Value);
        Assert.Equal(-1L, value.Properties["c"].Value);
        Assert.Equal(0.1, value.Properties["d"].Value);
        Assert.Equal(1000.0, value.Properties["e"].Value);
        Assert.Equal("""{"a":9223372036854775807,"b":18446744073709551615,"c":-1,"d":0.1,"e":1000}""", value.ToString());
    }

    [Fact]
    public void A_number_too_large_for_any_type_does_no_harm() =>
        Assert.StartsWith("{", Recorded.ToRun("""{"workflow_inputs":{"cfg":1e999}}""").Inputs!.ToString(), StringComparison.Ordinal);

    [Fact]
    public void Half_a_letter_does_no_harm() =>
        Assert.Equal("{\"prompt\":\"\uFFFD!\"}", Recorded.ToRun("""{"workflow_inputs":{"prompt":"\ud83d!"}}""").Inputs!.ToString());

    [Fact]
    public void Inputs_are_new_at_each_reading()
    {
        ComfyRun run = Recorded.ToRun("""{"workflow_inputs":{"prompt":"a"}}""");
        PSObject first = run.Inputs!;
        first.Properties.Add(new PSNoteProperty("mine", 1));
        first.Properties["prompt"].Value = "b";
        Assert.NotSame(first, run.Inputs);
        Assert.Equal("""{"prompt":"a"}""", run.Inputs!.ToString());
    }

    [Fact]
    public void The_text_of_inputs_is_compact_JSON_with_letters_as_they_are()
    {
        ComfyRun run = Recorded.ToRun("""{ "workflow_inputs": { "prompt" : "Leuchtturm \u00fc \u65e5\u672c <b>", "list": [ 1, {"a" : null } ], "empty": {}, "flag": true } }""");
        const string compact = """{"prompt":"Leuchtturm ü 日本 <b>","list":[1,{"a":null}],"empty":{},"flag":true}""";
        Assert.Equal(compact, run.Inputs!.ToString());
        Assert.Equal(compact, PSObject.AsPSObject(run.Inputs).ToString());
        Assert.Equal(compact, LanguagePrimitives.ConvertTo<string>(run.Inputs));
        Assert.Equal(compact, string.Format(CultureInfo.InvariantCulture, "{0}", run.Inputs));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("\"text\"")]
    public void What_is_no_object_has_no_inputs(string json) => Assert.Null(Recorded.ToRun($$"""{"workflow_inputs":{{json}}}""").Inputs);

    [Fact]
    public void An_empty_object_is_an_object() => Assert.Equal("{}", Recorded.ToRun("""{"workflow_inputs":{}}""").Inputs!.ToString());

    private static void AssertPlain(object? value)
    {
        object? plain = value is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : value;
        switch (plain)
        {
            case null or string or bool or long or double or BigInteger: break;
            case PSObject custom:
                foreach (PSPropertyInfo property in custom.Properties) AssertPlain(property.Value);
                break;
            case object?[] items:
                foreach (object? item in items) AssertPlain(item);
                break;
            default:
                Assert.Fail($"{plain.GetType()} is not what PowerShell works with.");
                break;
        }
        Assert.False(plain is IDictionary);
    }
}
