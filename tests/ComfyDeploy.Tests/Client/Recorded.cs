using System.Text.Json.Nodes;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>The recorded exchanges of tests/fixtures, and the bodies made by hand in its folder examples.</summary>
internal static class Recorded
{
    internal static IReadOnlyList<string> Names(string pattern) =>
        [.. Directory.GetFiles(BuiltModule.Fixtures, pattern).Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    internal static Exchange Exchange(string name)
    {
        JsonNode recorded = JsonNode.Parse(File.ReadAllText(Path.Combine(BuiltModule.Fixtures, name + ".json")))!;
        return new(name, recorded["status"]!.GetValue<int>(), recorded["headers"]?["content-type"]?.GetValue<string>() ?? "", recorded["body"]?.GetValue<string>() ?? "");
    }

    /// <summary>The recorded successes among these.</summary>
    internal static IEnumerable<Exchange> Successes(string pattern) => Names(pattern).Select(Exchange).Where(exchange => exchange.Status == 200);

    internal static string Example(string path) => File.ReadAllText(Path.Combine(BuiltModule.Fixtures, "examples", path));

    internal static MemoryStream Body(string json) => Body(System.Text.Encoding.UTF8.GetBytes(json));

    internal static MemoryStream Body(byte[] json) => new(json, 0, json.Length, writable: false, publiclyVisible: true);

    internal static ComfyRun ToRun(string json) => WireJson.ReadRun(Body(json)).ToRun(ClientUnderTest.Connect());
}

internal sealed record Exchange(string Name, int Status, string ContentType, string Body)
{
    internal HttpResponseMessage ToResponse() => Reply.With(Status, Body, ContentType.Length == 0 ? "text/plain" : ContentType.Split(';')[0]);
}
