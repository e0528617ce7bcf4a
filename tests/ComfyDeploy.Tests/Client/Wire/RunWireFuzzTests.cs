using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Whatever a field holds, the run is read: one odd field must not cost the user a run that is billed.</summary>
public sealed class RunWireFuzzTests
{
    private const int Mutations = 2000;
    private static readonly string[] OddValues =
    [
        "null", "\"text\"", "\"\"", "0", "-1", "3.5", "1e999", "-1e30", "12345678901234567890123456789", "true", "false", "[]", "[null]", "[1,\"a\",{}]", "{}",
        """{"a":{"A":1,"":2}}""", "\"NaN\"", "\"Infinity\"", "\"2025-13-45T99:99Z\"", "\"\\ud83d\"",
    ];

    public static TheoryData<string> Samples =>
        ["run-get-success-3-images", "run-get-success-image-and-text", "run-get-inputs-coercion", "run-get-stuck-queued-queue-position", "run-get-failed-node-error"];

    [Theory]
    [MemberData(nameof(Samples))]
    public void Any_field_may_hold_anything(string name)
    {
        JsonObject valid = JsonNode.Parse(Recorded.Exchange(name).Body)!.AsObject();
        foreach (string field in valid.Select(member => member.Key))
        {
            foreach (string odd in OddValues)
            {
                string members = string.Join(',', valid.Select(member => $"{JsonSerializer.Serialize(member.Key)}:{(member.Key == field ? odd : member.Value?.ToJsonString() ?? "null")}"));
                ComfyRun run = Recorded.ToRun("{" + members + "}");
                ReadAll(run);
                if (field != "id") Assert.Equal(valid["id"]!.GetValue<string>(), run.RunId);
                if (field != "status") Assert.Equal(valid["status"]!.GetValue<string>(), run.Status);
            }
        }
    }

    [Fact]
    public void Any_value_inside_the_outputs_may_be_anything()
    {
        JsonNode valid = JsonNode.Parse(Recorded.Exchange("run-get-success-image-and-text").Body)!;
        List<string> paths = [];
        Walk(valid["outputs"]!, paths);
        Assert.True(paths.Count > 20);
        foreach (string path in paths)
        {
            foreach (string odd in OddValues)
            {
                // JsonNode cannot hold half a letter, so that it goes in as text.
                JsonNode copy = valid.DeepClone();
                Replace(copy["outputs"]!, path, "@odd@");
                ReadAll(Recorded.ToRun(copy.ToJsonString().Replace("\"@odd@\"", odd, StringComparison.Ordinal)));
            }
        }
    }

    [Fact]
    public void A_mutated_run_is_read_or_refused_as_JSON()
    {
        string[] bodies = [.. Recorded.Successes("run-get-*.json").Select(exchange => exchange.Body)];
        int read = 0;
        for (int seed = 0; seed < Mutations; seed++)
        {
            byte[] mutated = Mutate(Encoding.UTF8.GetBytes(bodies[seed % bodies.Length]), new Random(seed));
            try
            {
                RunWire wire = WireJson.ReadRun(Recorded.Body(mutated));
                ReadAll(wire.ToRun(ClientUnderTest.Connect()));
                read++;
            }
            catch (JsonException)
            {
                // Broken JSON is told as such; anything else fails the test.
            }
            catch (Exception e) when (e is not JsonException)
            {
                Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"seed {seed}: {e}"));
            }
        }
        Assert.InRange(read, 200, Mutations);
    }

    [Fact]
    public void A_mutated_list_is_read_or_refused_as_JSON()
    {
        string[] bodies = [.. Recorded.Successes("runs-v2-*.json").Select(exchange => exchange.Body)];
        int read = 0;
        for (int seed = 0; seed < Mutations; seed++)
        {
            byte[] mutated = Mutate(Encoding.UTF8.GetBytes(bodies[seed % bodies.Length]), new Random(seed));
            try
            {
                foreach (RunWire? row in WireJson.ReadRuns(Recorded.Body(mutated))) ReadAll((row ?? new()).ToRun(ClientUnderTest.Connect()));
                read++;
            }
            catch (JsonException)
            {
                // Broken JSON is told as such; anything else fails the test.
            }
        }
        Assert.InRange(read, 200, Mutations);
    }

    [Theory]
    [InlineData("1e999")]
    [InlineData("1e30")]
    [InlineData("-1e30")]
    [InlineData("\"1e30\"")]
    public async Task A_run_time_beyond_all_measure_gives_no_cost_and_no_failure(string seconds)
    {
        ScriptedHandler service = new(request => Reply.Json(request.PathAndQuery.Contains("pricing", StringComparison.Ordinal)
            ? """{"A10G":0.000337}"""
            : $$"""{"id":"{{ClientUnderTest.RunId}}","status":"success","gpu":"A10G","run_duration":{{seconds}}}"""));
        ComfyRun run = await new ClientUnderTest(service).GetRunAsync();
        Assert.Equal("success", run.Status);
        Assert.Null(run.EstimatedCost);
    }

    private static void ReadAll(ComfyRun run)
    {
        foreach (System.Reflection.PropertyInfo property in typeof(ComfyRun).GetProperties()) _ = property.GetValue(run)?.ToString();
        foreach (ComfyRunOutput output in run.Outputs ?? new([])) Assert.NotNull(output.ToString());
    }

    private static byte[] Mutate(byte[] json, Random random)
    {
        List<byte> bytes = [.. json];
        for (int edits = random.Next(1, 4); edits > 0; edits--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.RemoveAt(at); break;
                case 2: bytes.Insert(at, (byte)"{}[],:\"0123456789eE-+.\\un"[random.Next(25)]); break;
                case 3: bytes.RemoveRange(at, Math.Min(random.Next(1, 30), bytes.Count - at)); break;
                default: bytes.InsertRange(at, Encoding.UTF8.GetBytes(OddValues[random.Next(OddValues.Length)])); break;
            }
            if (bytes.Count == 0) break;
        }
        return [.. bytes];
    }

    private static void Walk(JsonNode node, List<string> paths, string path = "")
    {
        IEnumerable<(string Key, JsonNode? Value)> children = node switch
        {
            JsonObject map => map.Select(member => (member.Key, member.Value)),
            JsonArray list => list.Select((item, index) => (index.ToString(CultureInfo.InvariantCulture), item)),
            _ => [],
        };
        foreach ((string key, JsonNode? value) in children)
        {
            paths.Add(path + "/" + key);
            if (value is not null) Walk(value, paths, path + "/" + key);
        }
    }

    private static void Replace(JsonNode node, string path, string value)
    {
        string[] parts = path[1..].Split('/');
        foreach (string part in parts[..^1]) node = node is JsonArray list ? list[int.Parse(part, CultureInfo.InvariantCulture)]! : node[part]!;
        if (node is JsonArray items) items[int.Parse(parts[^1], CultureInfo.InvariantCulture)] = value;
        else node[parts[^1]] = value;
    }
}
