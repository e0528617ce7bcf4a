using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Service;
using ComfyDeploy.Emulator.Shapes;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The routes of a single run: read it, cancel it, read its log.</summary>
internal sealed class RunRoutes(RunShapes shapes)
{
    private static readonly TimeSpan QueueMemory = TimeSpan.FromHours(24);

    public void AddTo(Router router)
    {
        router.Add("GET", "/run/{run_id}", call => Read(call, call.TypedId("run_id")));
        router.Add("GET", "/run", call => Read(call, QueriedId(call)));
        router.Add("POST", "/run/{run_id}/cancel", Cancel);
        router.Add("GET", "/v2/clickhouse-run-logs/{run_id}", Log);
    }

    private static Guid QueriedId(Call call) =>
        call.QueryId("run_id") ?? throw ApiError.Invalid(Validation.Missing(["query", "run_id"], null));

    private HttpResponse Read(Call call, Guid id)
    {
        bool withPosition = call.Flag("queue_position");
        Run run = call.Account.FindRun(id) ?? throw ApiError.Detail(404, "Run not found");
        if (!MaySee(call, run)) throw ApiError.Detail(403, "You are not authorized to access this resource");
        // The service's own model of a run needs a workflow.
        if (run.ModelId is not null) throw ApiError.Unhandled();
        RunView view = RunView.At(run, call.Account.Now, readAsTimeout: true);
        return HttpResponse.Json(200, shapes.Single(view, withPosition ? QueuePosition(call.Account, view) : null));
    }

    // A run of a deployment is visible to its creator, to the creator's organization and to the owner of the workflow.
    private static bool MaySee(Call call, Run run)
    {
        Caller caller = call.Caller;
        bool sameOrganization = run.OrgId is not null && run.OrgId == caller.OrgId;
        if (run.Deployment is null) return sameOrganization || (run.OrgId is null && run.UserId == caller.UserId);
        bool creator = run.UserId == caller.UserId && (caller.OrgId is null || sameOrganization);
        return creator || sameOrganization || caller.Owns(run.Workflow.UserId, run.Workflow.OrgId);
    }

    // The number of runs ahead on the same machine; null once a container runs it.
    private static int? QueuePosition(Account account, RunView view)
    {
        Run run = view.Run;
        if (view.Status is not ("not-started" or "queued")) return null;
        DateTime now = account.Now;
        return account.Runs.Count(other => other.Machine.Id == run.Machine.Id
            && other.CreatedAt < run.CreatedAt
            && now - other.CreatedAt < QueueMemory
            && RunView.At(other, now, readAsTimeout: false).Status is "not-started" or "queued");
    }

    // Every failure is a 500 here, with the real status inside its text.
    private static HttpResponse Cancel(Call call)
    {
        string text = call.PathValue("run_id");
        if (Validation.ReadGuid(text) is not Guid id) throw ApiError.Detail(500, "Error cancel function " + DatabaseText.MalformedId(text, "SELECT modal_function_call_id, status, id FROM workflow_runs"));
        Run? run = call.Account.FindRun(id);
        if (run is null || !call.Caller.Owns(run.UserId, run.OrgId) || run.CallId is null)
        {
            throw ApiError.Detail(500, "Error cancel function 404: Run not found or has no modal function call ID");
        }

        call.Account.Cancel(run);
        return HttpResponse.Json(200, new JsonObject { ["status"] = "success", ["message"] = "Function cancelled" });
    }

    // Logs are archived when a run ends; until then there are none.
    private static HttpResponse Log(Call call)
    {
        Run? run = call.Account.FindRun(call.TypedId("run_id"));
        if (run is null || !MaySee(call, run)) throw ApiError.Detail(404, "Run not found");
        RunView view = RunView.At(run, call.Account.Now, readAsTimeout: false);
        JsonArray lines = [];
        if (view.EndedAt is not DateTime ended) return HttpResponse.Json(200, lines);
        foreach ((DateTime at, string text) in LogLines(view, ended))
        {
            lines.Add((JsonNode)new JsonObject
            {
                ["run_id"] = run.Id.ToString("D"),
                ["timestamp"] = Stamps.MillisZ(at),
                ["log"] = text,
                ["user_id"] = null,
                ["org_id"] = null,
                ["log_type"] = null,
            });
        }

        return HttpResponse.Json(200, lines);
    }

    private static IEnumerable<(DateTime At, string Text)> LogLines(RunView view, DateTime ended)
    {
        if (view.QueuedAt is DateTime queued) yield return (queued, "Starting container");
        if (view.StartedAt is DateTime started)
        {
            yield return (started, "Total VRAM 22517 MB, total RAM 64000 MB");
            yield return (started, "got prompt");
        }

        if (view.LiveStatus is not null) yield return (ended, view.LiveStatus);
        yield return (ended, view.Status == "failed" ? "!!! Exception during processing !!!" : "Prompt executed: " + view.Status);
        yield return (ended, "__END__");
    }
}
