using System.Globalization;
using System.Text;
using System.Text.Json;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Service;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The stream of status changes. It relays all runs of the caller, whatever ID was asked for, and has no replay and no keep-alive.</summary>
internal static class StreamRoutes
{
    public static void AddTo(Router router) => router.Add("GET", "/v2/stream-progress", Progress);

    private static HttpResponse Progress(Call call)
    {
        string[] given = [.. new[] { "run_id", "workflow_id", "machine_id" }.Where(name => call.Query(name) is not null)];
        if (given.Length != 1) throw ApiError.Detail(400, "Exactly one ID type must be provided");
        if (call.Flag("return_run")) throw ApiError.Detail(501, "The emulator does not support return_run");
        string text = call.Query(given[0])!;
        Guid id = Validation.ReadGuid(text)
            ?? throw ApiError.Detail(500, "Permission check failed: " + DatabaseText.MalformedId(text, "SELECT 1"));
        Func<Run, bool> isIncluded = Permitted(call, given[0], id);
        Caller caller = call.Caller;
        string? status = call.Query("status");
        bool endsWithRun = given[0] == "run_id";
        ProgressFeed feed = new(call.Account, run => caller.Owns(run.UserId, run.OrgId) && isIncluded(run));
        string channel = caller.OrgId is null ? "progress:user:" + caller.UserId : "progress:org:" + caller.OrgId;
        string? opening = $$"""
            data: {"type": "connection_established", "channels": ["{{channel}}"]}

            data: {"type": "subscribed", "channel": "{{channel}}"}


            """.Replace("\r", "");
        bool isEnded = false;

        return HttpResponse.EventStream(new EventSource(Read, feed.NextDue));

        string? Read()
        {
            if (isEnded) return null;
            StringBuilder frames = new(opening);
            opening = null;
            foreach (ProgressEvent change in feed.Read())
            {
                if (status is not null && change.Status != status) continue;
                frames.Append(Frame(change));
                isEnded = endsWithRun && change.EndsRun;
                if (isEnded) break;
            }

            return frames.ToString();
        }
    }

    /// <summary>Which runs are relayed: for a run, those of all workflows.</summary>
    private static Func<Run, bool> Permitted(Call call, string kind, Guid id)
    {
        switch (kind)
        {
            case "run_id":
                Run run = call.Account.FindRun(id) ?? throw ApiError.Detail(404, "Run not found");
                if (!call.Caller.Owns(run.UserId, run.OrgId)) throw ApiError.Detail(403, "Not authorized to access this progress");
                return _ => true;
            case "workflow_id":
                return candidate => candidate.Workflow.Id == id;
            default:
                return candidate => candidate.Machine.Id == id;
        }
    }

    private static string Frame(ProgressEvent change)
    {
        string node = change.Status is "input" or "output" ? change.Status : "";
        string progress = change.Status is null or "input" ? "0" : "-1";
        string time = change.At.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'+00:00'", CultureInfo.InvariantCulture);
        return $"data: {{\"run_id\": \"{change.Run.Id:D}\", \"workflow_id\": \"{change.Run.Workflow.Id:D}\", "
            + $"\"machine_id\": \"{change.Run.Machine.Id:D}\", \"progress\": {progress}, "
            + $"\"status\": {JsonSerializer.Serialize(change.Status)}, \"node_class\": \"{node}\", \"timestamp\": \"{time}\"}}\n\n";
    }
}
