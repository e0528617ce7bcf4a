using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>What really happened, by the emulators' own records.</summary>
internal sealed class Books(IReadOnlyList<ComfyEmulator> emulators)
{
    private static readonly HashSet<string> Ended = ["success", "failed", "timeout", "cancelled"];

    internal IReadOnlyList<EmulatorRun> Runs { get; } = [.. emulators.SelectMany(emulator => emulator.Runs)];

    internal IReadOnlyList<EmulatorRequest> Requests { get; } = [.. emulators.SelectMany(emulator => emulator.Requests)];

    /// <summary>The runs that a request to cancel has reached.</summary>
    internal IReadOnlySet<string> AskedToCancel { get; } = new HashSet<string>(emulators.SelectMany(emulator => emulator.Requests)
        .Where(request => request.Path.EndsWith("/cancel", StringComparison.Ordinal)).SelectMany(request => ScenarioResult.IdsIn(request.Path)));

    internal IReadOnlyList<string> Keys { get; } = [.. emulators.Select(emulator => emulator.ApiKey.Reveal())];

    /// <summary>Whether it no longer costs anything.</summary>
    internal static bool IsOver(EmulatorRun run) => Ended.Contains(run.Status);

    /// <summary>The bytes of an output of a run; null when there is no such output.</summary>
    internal byte[]? BytesOf(string runId, int index)
    {
        foreach (ComfyEmulator emulator in emulators.Where(emulator => emulator.Runs.Any(run => run.RunId == runId)))
        {
            string key = emulator.ApiKey.Reveal();
            HttpRequest read = Get($"/api/run/{runId}", string.Empty, new Dictionary<string, string> { ["authorization"] = $"Bearer {key}" });
            JsonNode run = JsonNode.Parse(emulator.Handle(read, isStorage: false).Body)!;
            Uri[] links = [.. Links(run["outputs"]).Select(link => new Uri(link))];
            if (index >= links.Length) return null;
            HttpRequest download = Get(links[index].AbsolutePath, links[index].Query.TrimStart('?'), new Dictionary<string, string>());
            return emulator.Handle(download, isStorage: true).Body;
        }
        return null;
    }

    private static IEnumerable<string> Links(JsonNode? node) => node switch
    {
        JsonObject { } file when file["url"] is JsonValue url => [url.GetValue<string>()],
        JsonObject members => members.SelectMany(member => Links(member.Value)),
        JsonArray items => items.SelectMany(Links),
        _ => [],
    };

    private static HttpRequest Get(string path, string query, Dictionary<string, string> headers) =>
        new() { Method = "GET", Path = path, Query = query, Headers = headers, Body = [] };
}
