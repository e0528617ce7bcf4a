using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Runs;

/// <summary>
/// How a run will proceed. Tags anywhere in its text inputs decide; without them, the deployment's own timing and yields apply.
/// <code>
/// | tag                 | the run …                                                                                        |
/// |---------------------|--------------------------------------------------------------------------------------------------|
/// | #fail               | fails at a node, a third of the way in; the error is shown by GET /workflow/{id}/runs only       |
/// | #failearly          | fails because its prompt is rejected, before any node                                            |
/// | #timeout            | ends as timeout when its time is up                                                              |
/// | #cancelled          | is cancelled by its worker, halfway                                                              |
/// | #stuck, #stuck=WORD | never leaves not-started, or WORD: queued, started, running                                      |
/// | #unknown            | gets the status archived when it should be running, and never ends                               |
/// | #createfail         | gets a 500 response, and a failed row without an end remains                                     |
/// | #nocall             | has no function call ID, so it cannot be cancelled                                               |
/// | #fast, #slow        | takes a tenth of the time in every phase; ten times the run time                                 |
/// | #time=12            | executes for 12 s; above the deployment's run timeout it ends as timeout                         |
/// | #queue=3, #cold=8   | waits at least 3 s before a container picks it up; starts ComfyUI in 8 s                         |
/// | #nooutput           | yields nothing                                                                                   |
/// | #multi, #multi=5    | yields 3 images, or the given number                                                             |
/// | #text               | yields a text in addition to its image                                                           |
/// | #video #audio #file #mesh | yields an mp4 under gifs, a wav under audio, a txt under files, a glb under mesh           |
/// | #custom             | yields an image under an unknown key                                                             |
/// | #private            | yields into a private bucket: signed links, valid for 3600 s                                     |
/// | #badname            | yields files with unsafe names                                                                   |
/// | #wholesecond        | is stored without a fraction of a second, so the service loses its seconds                       |
/// </code>
/// </summary>
internal sealed class RunScript
{
    private static readonly Regex Tag = new("#([a-z]+)(?:=([A-Za-z0-9.-]+))?", RegexOptions.CultureInvariant);
    private static readonly HashSet<string> YieldTags = ["image", "text", "video", "audio", "file", "mesh", "custom"];

    public string Outcome { get; private set; } = "success";

    /// <summary>The status it never leaves; null when there is none.</summary>
    public string? StuckAt { get; private set; }

    public bool RefusedAtCreate { get; private set; }

    public bool HasCallId { get; private set; } = true;

    public bool BadNames { get; private set; }

    public bool WholeSecond { get; private set; }

    public bool Private { get; private set; }

    public int Images { get; private set; } = 1;

    public IReadOnlyList<string> Yields { get; private set; } = [];

    public TimeSpan Queue { get; private set; }

    public TimeSpan ColdStart { get; private set; }

    public TimeSpan Execution { get; private set; }

    /// <summary>Whether it never ends by itself. It uses no slot of its machine.</summary>
    public bool Endless => StuckAt is not null;

    /// <summary>The service fails to start it.</summary>
    public static RunScript Refused() => new() { RefusedAtCreate = true };

    public static RunScript Read(JsonObject inputs, SeedDeployment? deployment, Random random)
    {
        SeedTiming timing = deployment?.Timing ?? new SeedTiming();
        double jitter = 1 + (timing.Jitter * ((random.NextDouble() * 2) - 1));
        TimeSpan limit = TimeSpan.FromSeconds(deployment?.RunTimeout ?? 300);
        RunScript script = new()
        {
            Queue = TimeSpan.FromSeconds(timing.Queue * jitter),
            ColdStart = TimeSpan.FromSeconds(timing.ColdStart * jitter),
            Execution = TimeSpan.FromSeconds(timing.Run * jitter),
            Yields = deployment?.Yields ?? ["image"],
            Private = deployment?.Private ?? false,
        };
        List<string> yields = [];
        foreach (Match match in Texts(inputs).SelectMany(text => Tag.Matches(text).Cast<Match>()))
        {
            script.Apply(match.Groups[1].Value, match.Groups[2].Value, yields, limit);
        }

        if (yields is ["text"]) yields.Insert(0, "image");
        if (yields.Count > 0) script.Yields = yields;
        if (script.Execution > limit)
        {
            script.Execution = limit;
            script.Outcome = "timeout";
        }

        return script;
    }

    private void Apply(string tag, string value, List<string> yields, TimeSpan limit)
    {
        switch (tag)
        {
            case "fail" or "failearly" or "timeout" or "cancelled":
                Outcome = tag;
                break;
            case "stuck":
                StuckAt = value is "queued" or "started" or "running" ? value : "not-started";
                break;
            case "unknown":
                StuckAt = "archived";
                break;
            case "createfail":
                RefusedAtCreate = true;
                break;
            case "nocall":
                HasCallId = false;
                break;
            case "fast":
                (Queue, ColdStart, Execution) = (Scale(Queue, 0.1), Scale(ColdStart, 0.1), Scale(Execution, 0.1));
                break;
            case "slow":
                TimeSpan slow = Scale(Execution, 10);
                Execution = slow < limit ? slow : Scale(limit, 0.9);
                break;
            case "time" when Seconds(value) is TimeSpan time:
                Execution = time;
                break;
            case "queue" when Seconds(value) is TimeSpan time:
                Queue = time;
                break;
            case "cold" when Seconds(value) is TimeSpan time:
                ColdStart = time;
                break;
            case "nooutput":
                yields.Add("nothing");
                break;
            case "multi":
                Images = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int images) ? images : 3;
                break;
            case "private":
                Private = true;
                break;
            case "badname":
                BadNames = true;
                break;
            case "wholesecond":
                WholeSecond = true;
                break;
            default:
                if (YieldTags.Contains(tag)) yields.Add(tag);
                break;
        }
    }

    private static TimeSpan Scale(TimeSpan time, double factor) => TimeSpan.FromSeconds(time.TotalSeconds * factor);

    private static TimeSpan? Seconds(string value) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds < int.MaxValue
            ? TimeSpan.FromSeconds(seconds)
            : null;

    private static IEnumerable<string> Texts(JsonNode? node) => node switch
    {
        JsonObject container => container.SelectMany(member => Texts(member.Value)),
        JsonArray array => array.SelectMany(Texts),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => [value.GetValue<string>()],
        _ => [],
    };
}
