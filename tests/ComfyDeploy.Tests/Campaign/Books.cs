using System.Text;
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

    /// <summary>The runs as their rows are known.</summary>
    internal IReadOnlyList<StoredRun> Stored => [.. StoredById.Values];

    internal Dictionary<string, StoredRun> StoredById => _stored ??= emulators
        .SelectMany((emulator, account) => emulator.Runs.Select(run => (run.RunId, new StoredRun(account, run.DeploymentId, PromptOf(run.Inputs), ImageOf(emulator, run)))))
        .ToDictionary();

    private Dictionary<string, StoredRun>? _stored;

    /// <summary>The contents that one service received more than once under names of the same type.</summary>
    internal IEnumerable<string> UploadedTwice => emulators.SelectMany(emulator => ScenarioFiles.Uploads.Where(file => emulator.Requests.Count(request =>
            request.Path.EndsWith("/file/upload", StringComparison.Ordinal)
            && request.Body.Contains($"{file.Extension}\"", StringComparison.Ordinal)
            && request.Body.Contains(file.Content, StringComparison.Ordinal)) > 1))
        .Select(file => $"{file.Content} as {file.Extension}");

    internal static string PromptOf(string inputs) => (string?)JsonNode.Parse(inputs)!["prompt"] ?? string.Empty;

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

    /// <summary>The content behind the link of a run's image, by the storage of its own account; null for a run without an image.</summary>
    private static string? ImageOf(ComfyEmulator emulator, EmulatorRun run)
    {
        if ((string?)JsonNode.Parse(run.Inputs)!["image"] is not { } image) return null;
        if (!Uri.TryCreate(image, UriKind.Absolute, out Uri? link) || link.Authority != emulator.StorageUri.Authority) return $"no link of the account: {image}";
        HttpResponse answer = emulator.Handle(Get(link.AbsolutePath, link.Query.TrimStart('?'), new Dictionary<string, string>()), isStorage: true);
        return answer.Status == 200 ? Encoding.ASCII.GetString(answer.Body) : $"no file behind {image}";
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

/// <summary>A run as its row is known.</summary>
/// <param name="Account">The number of the service.</param>
/// <param name="DeploymentId">Its deployment.</param>
/// <param name="Prompt">Its prompt.</param>
/// <param name="Image">The content of its image; null for none.</param>
internal sealed record StoredRun(int Account, string? DeploymentId, string Prompt, string? Image);
