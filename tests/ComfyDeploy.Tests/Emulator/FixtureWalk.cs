using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;
using Xunit.Abstractions;

namespace ComfyDeploy.Tests.Emulator;

/// <summary>
/// Every recorded request is sent to an emulator with the recorded account, and the response is compared with the recorded one: status
/// and content type; the text of errors, word by word; the names and kinds of everything else.
/// </summary>
public sealed class FixtureWalk(ITestOutputHelper output)
{
    // With a fraction, because times without one are written in another form.
    private static readonly DateTime Start = new DateTime(2026, 11, 23, 19, 0, 0, DateTimeKind.Utc).AddTicks(4_182_070);

    private static readonly Dictionary<string, string> Skipped = new()
    {
        ["queue-classic-machine-400"] = "the machine itself refused the run; emulated machines do not",
        ["queue-oversize-input-20mb"] = "the recorded body is an abbreviation; ServiceTests sends one",
        ["file-upload-400-oversize"] = "the recorded body is an abbreviation",
        ["run-get-native-in-session"] = "native runs inside a session are not emulated",
        ["run-get-native-session-ended-again"] = "native runs inside a session are not emulated",
        ["run-v1-native"] = "native runs are not emulated",
        ["run-v1-sync-endpoint"] = "synchronous runs are not emulated",
        ["deployments-community-noauth"] = "community deployments are not emulated",
        ["deployments-featured"] = "featured deployments are not emulated",
    };

    // JSON of users and of ComfyUI, whose names are not the service's.
    private static readonly HashSet<string> Free = ["workflow_inputs", "workflow_api", "default_value", "share_options", "data", "filters"];

    // Null or not by the state and history of a row, not by its shape.
    private static readonly HashSet<string> Nullable =
    [
        "batch_id", "comment", "description", "gpu", "gpu_event_id", "live_status", "node_meta", "output_id", "share_slug", "webhook", "queued_at", "started_at",
        "ended_at", "duration", "comfy_deploy_cold_start", "cold_start_duration", "cold_start_duration_total", "run_duration", "max_value", "min_value",
        "comfyui_version", "machine_version_id", "modal_function_call_id", "cold_start", "queue_time", "deployment_id", "workflow_version_id",
    ];

    // A database's message, with its SQL; a client can only look for its beginning.
    private static readonly HashSet<string> ErrorTextsThatBeginAlike = ["run-cancel-malformed-500", "deployment-runs-malformed"];

    [Fact]
    public async Task Every_recorded_exchange_of_an_emulated_route_gets_the_same_response()
    {
        string[] files = Directory.GetFiles(BuiltModule.Fixtures, "*.json").Where(f => Path.GetFileName(f) != "seed.json").Order(StringComparer.Ordinal).ToArray();
        List<string> differences = [];
        int walked = 0;
        foreach (string file in files.Where(f => !Skipped.ContainsKey(Path.GetFileNameWithoutExtension(f))))
        {
            Fixture fixture = new(JsonNode.Parse(await File.ReadAllTextAsync(file))!);
            differences.AddRange((await CompareAsync(fixture)).Select(difference => $"{fixture.Name}: {difference}"));
            walked++;
        }

        output.WriteLine($"{walked} exchanges walked, {Skipped.Count} skipped:");
        foreach ((string name, string reason) in Skipped) output.WriteLine($"  {name}: {reason}");
        Assert.True(differences.Count == 0, $"{differences.Count} differences:\n" + string.Join('\n', differences));
        Assert.Equal(files.Length, walked + Skipped.Count);
    }

    private static async Task<IEnumerable<string>> CompareAsync(Fixture fixture)
    {
        using ComfyEmulator emulator = ComfyEmulator.Start(new EmulatorOptions { Speed = 0, StartTime = Start, SeedJson = SeedFor(fixture) });
        using HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = EmulatorClient.Limit };
        string origin = emulator.BaseUri.GetLeftPart(UriPartial.Authority);
        if (fixture.CancelFirst)
        {
            using HttpRequestMessage cancel = new(HttpMethod.Post, $"{origin}/api/run/{fixture.RunId}/cancel");
            cancel.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "<KEY_ALICE>");
            using HttpResponseMessage cancelled = await http.SendAsync(cancel);
            Assert.True(cancelled.IsSuccessStatusCode);
        }

        using HttpRequestMessage request = fixture.Request(origin);
        using HttpResponseMessage response = await http.SendAsync(request);
        string body = await response.Content.ReadAsStreamAsync() is Stream stream ? await new StreamReader(stream).ReadToEndAsync() : "";
        return Compare(fixture, response, body).ToList();
    }

    private static IEnumerable<string> Compare(Fixture fixture, HttpResponseMessage response, string body)
    {
        if ((int)response.StatusCode != fixture.Status)
        {
            yield return $"status {fixture.Status} recorded, {(int)response.StatusCode} here: {body}";
            yield break;
        }

        if (response.Headers.Date is null) yield return "no Date";
        string type = response.Content.Headers.ContentType?.ToString() ?? "";
        if ((fixture.Header("content-type") ?? "") != type) yield return $"content type {fixture.Header("content-type")} recorded, {type} here";
        if (response.Content.Headers.Allow.FirstOrDefault() is var allow && allow != fixture.Header("allow")) yield return $"allow {fixture.Header("allow")} recorded, {allow} here";
        if (fixture.Header("location") is string location && response.Headers.Location?.AbsolutePath != new Uri(location).AbsolutePath) yield return $"location {response.Headers.Location}";
        if (fixture.Status >= 400)
        {
            bool alike = ErrorTextsThatBeginAlike.Contains(fixture.Name)
                ? string.CompareOrdinal(fixture.Body, 0, body, 0, 40) == 0 && body.Contains("invalid UUID 'abc'", StringComparison.Ordinal)
                : Same(fixture.Body, body);
            if (!alike) yield return $"\n  recorded {fixture.Body}\n  here     {body}";
            yield break;
        }

        if (fixture.Body.Length == 0) yield break;
        foreach (string difference in JsonShape.Of(JsonNode.Parse(fixture.Body)).Differences(JsonShape.Of(JsonNode.Parse(body)), Free, Nullable)) yield return difference;
    }

    private static bool Same(string recorded, string here) =>
        recorded == here || (recorded.StartsWith('{') && here.StartsWith('{') && JsonNode.DeepEquals(JsonNode.Parse(recorded), JsonNode.Parse(here)));

    private static string SeedFor(Fixture fixture)
    {
        string seed = File.ReadAllText(Path.Combine(BuiltModule.Fixtures, "seed.json"));
        JsonNode whole = JsonNode.Parse(seed)!;
        if (fixture.Name == "runs-v2-default") whole["runs"]!.AsArray().Add(RunThatLosesItsSeconds());
        if (fixture.RunId is null || fixture.RunId.EndsWith("dead", StringComparison.Ordinal)) return whole.ToJsonString();
        whole["runs"]!.AsArray().Add(RunOf(fixture));
        return whole.ToJsonString();
    }

    private static JsonObject RunThatLosesItsSeconds() => new()
    {
        ["deploymentId"] = EmulatorClient.Portrait,
        ["createdAt"] = "2026-11-23T18:30:07Z",
        ["inputs"] = new JsonObject { ["prompt"] = "#wholesecond #queue=1 #cold=2 #time=4" },
    };

    // A run in the state of the recorded one.
    private static JsonObject RunOf(Fixture fixture)
    {
        JsonNode? recorded = fixture.Status == 200 && fixture.Body.Contains("\"machine_id\"", StringComparison.Ordinal) ? JsonNode.Parse(fixture.Body) : null;
        string deployment = fixture.Name.Contains("classic", StringComparison.Ordinal) ? "33" : recorded?["org_id"] is null ? "30" : "34";
        string status = recorded?["status"]?.GetValue<string>() ?? "success";
        string tags = fixture.Name.Contains("no-function-call", StringComparison.Ordinal) ? "#nocall" : recorded is null ? "" : TagsOf(fixture, status, recorded);
        bool dayOld = status == "timeout" && recorded?["ended_at"] is null;
        JsonObject run = new()
        {
            ["id"] = Guid.Parse(fixture.RunId!).ToString(),
            ["deploymentId"] = $"000000{deployment}-0000-4000-8000-0000000000{deployment}",
            ["secondsAgo"] = dayOld ? 100_000 : 600,
            ["inputs"] = new JsonObject { ["prompt"] = tags },
        };
        if (status == "uploading") run["status"] = status;
        return run;
    }

    private static string TagsOf(Fixture fixture, string status, JsonNode recorded)
    {
        bool ended = recorded["ended_at"] is not null;
        return status switch
        {
            "not-started" => "#stuck",
            "queued" or "started" or "running" => "#stuck=" + status,
            "cancelled" when fixture.CancelFirst => "#stuck=" + fixture.Name["run-get-cancelled-from-".Length..],
            "cancelled" => "#cancelled",
            "timeout" => ended ? "#timeout" : "#stuck=started",
            "failed" => recorded["live_status"] is null ? "#failearly" : "#fail",
            _ => OutputTags(recorded["outputs"]!.AsArray()),
        };
    }

    private static string OutputTags(JsonArray outputs)
    {
        if (outputs.Count == 0) return "#nooutput";
        IEnumerable<string> tags = outputs.SelectMany(o => o!["data"]!.AsObject()).Select(member => member.Key switch
        {
            "images" => $"#image #multi={member.Value!.AsArray().Count}" + (member.Value[0]!["is_public"]!.GetValue<bool>() ? "" : " #private"),
            "files" => "#file",
            _ => "#" + member.Key,
        });
        return string.Join(' ', tags);
    }

    private sealed class Fixture(JsonNode recorded)
    {
        internal string Name => recorded["name"]!.GetValue<string>();

        internal int Status => recorded["status"]!.GetValue<int>();

        internal string Body => recorded["body"]?.GetValue<string>() ?? "";

        internal bool CancelFirst => Name.StartsWith("run-get-cancelled-from-", StringComparison.Ordinal);

        /// <summary>The run that the request refers to, if any.</summary>
        internal string? RunId
        {
            get
            {
                string[] parts = Url.Split('?')[0].Split('/');
                string? inPath = parts is ["", "api", "run", var id, ..] ? id : parts is ["", "api", "v2", "clickhouse-run-logs", var logged] ? logged : null;
                string? candidate = Url.StartsWith("/api/run?run_id=", StringComparison.Ordinal) ? Url["/api/run?run_id=".Length..] : inPath;
                return Guid.TryParse(candidate, out _) ? candidate : null;
            }
        }

        private string Url => recorded["request"]!["url"]!.GetValue<string>();

        internal string? Header(string name) => recorded["headers"]![name]?.GetValue<string>();

        internal HttpRequestMessage Request(string origin)
        {
            JsonNode sent = recorded["request"]!;
            // The double slash of a recorded path would be lost in a Uri made from its parts.
            HttpRequestMessage request = new(new HttpMethod(sent["method"]!.GetValue<string>()), new Uri(origin + Url, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
            JsonObject headers = sent["headers"]!.AsObject();
            foreach ((string name, JsonNode? value) in headers.Where(h => h.Key != "Content-Type")) request.Headers.TryAddWithoutValidation(name, value!.GetValue<string>());
            if (sent["body"] is not JsonNode body) return request;
            string text = body is JsonValue raw && raw.TryGetValue(out string? words) ? words : body.ToJsonString();
            // The bytes of a form were recorded as one character each.
            bool form = headers["Content-Type"]?.GetValue<string>().StartsWith("multipart/", StringComparison.Ordinal) == true;
            request.Content = new ByteArrayContent((form ? Encoding.Latin1 : Encoding.UTF8).GetBytes(text));
            if (headers["Content-Type"] is JsonNode type) request.Content.Headers.TryAddWithoutValidation("Content-Type", type.GetValue<string>());
            return request;
        }
    }
}
