using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>Changes a good answer in one way that no server should, but some server does.</summary>
internal static class AnswerMutation
{
    /// <summary>A run that another answer may be about. In a list, nothing tells that it does not exist.</summary>
    internal const string AnotherRun = "0e7adf4a-0000-4000-8000-000000000000";

    private const int LongText = 5_000_000;

    // The serializer refuses some of what a server may send, so the odd value takes this one's place in the text.
    private const string Mark = "@odd";
    private static readonly string[] OddValues =
        ["null", "true", "-1", "1e999", "7.9e28", "99999999999999999999", "\"\"", "\"\\ud800\"", "\"\\u0007\"", "[]", "[null]", "{}", "{\"detail\":\"maintenance\"}", "\"../../../etc/passwd\"", $"\"{AnotherRun}\""];

    private static readonly (string Name, Func<byte[], Random, HttpContent> Change)[] Kinds =
    [
        ("another value", AnotherValue),
        ("another value", AnotherValue),
        ("all of one type", (body, _) => Json(ChangedAll(JsonNode.Parse(body), value => value.GetValueKind() == System.Text.Json.JsonValueKind.String ? 7 : "seven"))),
        ("a field gone", (body, random) => Json(Changed(body, random, (_, _) => null))),
        ("null in a list", (body, _) => Json(WithNulls(JsonNode.Parse(body)))),
        ("another body", (_, random) => Raw(OddValues[random.Next(OddValues.Length)])),
        ("HTML", (_, _) => new StringContent("<html><body>Please wait…</body></html>", Encoding.UTF8, "text/html")),
        ("another content type", (body, _) => With(new ByteArrayContent(body), "text/plain")),
        ("truncated", (body, random) => new ByteArrayContent(body[..random.Next(body.Length)])),
        ("broken UTF-8", (body, random) => new ByteArrayContent([.. body.Select((b, i) => random.Next(200) == 0 ? (byte)0xFF : b)])),
        ("corrupt gzip", (_, _) => FaultyAnswer.Spoil(FaultKind.CorruptGzip, [])),
        ("deep nesting", (body, random) => Json(Changed(body, random, (_, _) => Deep(500)))),
        ("byte order mark", (body, _) => new ByteArrayContent([0xEF, 0xBB, 0xBF, .. body])),
        ("an unknown field", (body, _) => FaultyAnswer.Spoil(FaultKind.HalfSurrogate, body)),
    ];

    internal static IReadOnlyList<string> Names => [.. Kinds.Select(kind => kind.Name).Distinct(), "5 MB of text"];

    /// <returns>What was done, and the answer.</returns>
    internal static (string Name, HttpContent Content) Of(byte[] body, Random random)
    {
        if (random.Next(200) == 0) return ("5 MB of text", Json(Changed(body, random, (_, _) => new string('x', LongText))));
        (string name, Func<byte[], Random, HttpContent> change) = Kinds[random.Next(Kinds.Length)];
        return (name, change(body, random));
    }

    private static StringContent Json(JsonNode? node) => Raw(node?.ToJsonString() ?? "null");

    private static StringContent Raw(string json) => new(json, Encoding.UTF8, "application/json");

    private static HttpContent With(HttpContent content, string type)
    {
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return content;
    }

    private static StringContent AnotherValue(byte[] body, Random random)
    {
        string odd = OddValues[random.Next(OddValues.Length)];
        return Raw((Changed(body, random, (_, _) => Mark)?.ToJsonString() ?? "null").Replace($"\"{Mark}\"", odd, StringComparison.Ordinal));
    }

    private static JsonNode? Deep(int levels)
    {
        JsonNode node = new JsonArray();
        for (int i = 0; i < levels; i++) node = new JsonArray(node);
        return node;
    }

    /// <summary>Changes one value, or removes it when the change gives none.</summary>
    private static JsonNode? Changed(byte[] body, Random random, Func<JsonNode?, Random, JsonNode?> change)
    {
        JsonNode? root = JsonNode.Parse(body);
        List<(JsonObject Parent, string Name)> members = [.. Members(root)];
        if (members.Count == 0) return change(root, random);
        (JsonObject parent, string name) = members[random.Next(members.Count)];
        if (change(parent[name], random) is { } value) parent[name] = value;
        else parent.Remove(name);
        return root;
    }

    private static IEnumerable<(JsonObject Parent, string Name)> Members(JsonNode? node) => node switch
    {
        JsonObject container => container.SelectMany(member => Members(member.Value).Prepend((container, member.Key))),
        JsonArray items => items.SelectMany(Members),
        _ => [],
    };

    private static JsonNode? ChangedAll(JsonNode? node, Func<JsonValue, JsonNode?> change) => node switch
    {
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, ChangedAll(member.Value, change)))),
        JsonArray items => new JsonArray([.. items.Select(item => ChangedAll(item, change))]),
        JsonValue value => change(value),
        _ => null,
    };

    private static JsonNode? WithNulls(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, WithNulls(member.Value)))),
        JsonArray items => new JsonArray([null, .. items.Select(WithNulls), null]),
        _ => node?.DeepClone(),
    };
}
