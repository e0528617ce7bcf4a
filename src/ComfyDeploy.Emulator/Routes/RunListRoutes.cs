using System.Globalization;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Seed;
using ComfyDeploy.Emulator.Service;
using ComfyDeploy.Emulator.Shapes;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The lists of runs. They differ in whose runs they show, in which shape and with which times.</summary>
internal sealed class RunListRoutes(RunShapes shapes, OutputShapes outputs)
{
    internal static readonly string[] Statuses = ["not-started", "running", "uploading", "success", "failed", "started", "queued", "timeout", "cancelled"];

    public void AddTo(Router router)
    {
        router.Add("GET", "/v2/workflow/{workflow_id}/runs", OfWorkflow);
        router.Add("GET", "/workflow/{workflow_id}/runs", RawOfWorkflow);
        router.Add("GET", "/workflow/{workflow_id}/runs/day", OfTheDay);
        router.Add("GET", "/workflow/{workflow_id}/run/latest", Latest);
        router.Add("GET", "/workflow/{workflow_id}/gallery", Gallery);
        router.Add("GET", "/deployment/{deployment_id}/runs", OfDeployment);
        router.Add("GET", "/runs/count", Count);
    }

    // All users' runs of the caller's workflow. The filter compares the stored status, so it ignores the timeout that is computed on reading.
    private static HttpResponse OfWorkflow(Call call)
    {
        _ = call.Integer("limit");
        SeedWorkflow workflow = WorkflowRoutes.Find(call, call.TextId("workflow_id"));
        Guid? deployment = call.QueryId("deployment_id");
        int? since = call.Integer("rf");
        string? status = call.Query("status");
        if (status is not null && !Statuses.Contains(status)) throw ApiError.Unhandled();
        DateTime now = call.Account.Now;
        IEnumerable<Run> runs = NewestFirst(call.Account, run => run.Workflow.Id == workflow.Id
            && (deployment is null || run.Deployment?.Id == deployment)
            && (since is null || run.CreatedAt >= DateTimeOffset.FromUnixTimeSeconds(since.Value).UtcDateTime)
            && (status is null || RunView.At(run, now, readAsTimeout: false).Status == status));
        return List(call.Page(runs, 100).Select(run => RunShapes.Brief(RunView.At(run, now, readAsTimeout: true))));
    }

    // The caller's own runs only; the workflow need not exist.
    private HttpResponse RawOfWorkflow(Call call)
    {
        _ = call.Integer("limit");
        bool withOutputs = call.Flag("with_outputs", defaultValue: true);
        bool withInputs = call.Flag("with_inputs", defaultValue: true);
        DateTime now = call.Account.Now;
        List<Run> page = call.Page(OwnRuns(call), 100);
        return List(page.Select(run => shapes.Full(RunView.At(run, now, readAsTimeout: true), withInputs, withOutputs)));
    }

    private static HttpResponse OfTheDay(Call call)
    {
        Guid? deployment = call.QueryId("deployment_id");
        DateTime now = call.Account.Now;
        return List(OwnRuns(call)
            .Where(run => (deployment is null || run.Deployment?.Id == deployment) && now - run.CreatedAt < TimeSpan.FromHours(24))
            .Select(run => new JsonObject
            {
                ["id"] = run.Id.ToString("D"),
                ["created_at"] = Stamps.MillisZ(run.CreatedAt),
                ["status"] = RunView.At(run, now, readAsTimeout: false).Status,
            }));
    }

    private HttpResponse Latest(Call call)
    {
        DateTime now = call.Account.Now;
        return List(OwnRuns(call).Take(1).Select(run =>
        {
            JsonObject row = shapes.Row(RunView.At(run, now, readAsTimeout: false), withInputs: true, withOutputs: true);
            row["run_log"] = null;
            JsonArray rows = (JsonArray)row["outputs"]!;
            while (rows.Count > 1) rows.RemoveAt(1);
            return row;
        }));
    }

    private HttpResponse Gallery(Call call)
    {
        DateTime now = call.Account.Now;
        IEnumerable<(RunView View, OutputRow Output)> shown = OwnRuns(call)
            .Select(run => RunView.At(run, now, readAsTimeout: false))
            .Where(view => view.Status == "success")
            .SelectMany(view => view.Outputs.Where(output => output.Files.Count > 0).Select(output => (view, output)));
        return List(call.Page(shown, 100).Select(row => new JsonObject
        {
            ["output_id"] = row.Output.Id.ToString("D"),
            ["run_id"] = row.View.Run.Id.ToString("D"),
            ["user_id"] = row.View.Run.UserId,
            ["origin"] = row.View.Run.Origin,
            ["data"] = outputs.Data(row.Output, raw: true),
            ["node_meta"] = OutputShapes.NodeMeta(row.Output),
            ["run_duration"] = Seconds(row.View.StartedAt, row.View.EndedAt),
            ["cold_start"] = Seconds(row.View.QueuedAt, row.View.StartedAt),
            ["queue_time"] = Seconds(row.View.Run.CreatedAt, row.View.QueuedAt),
        }));
    }

    // Wrapped, unlike all others, and every error is a 500. "status" is accepted and has no effect.
    private static HttpResponse OfDeployment(Call call)
    {
        _ = call.Integer("limit");
        bool ownOnly = call.Flag("filter_user_runs");
        string text = call.PathValue("deployment_id");
        Guid id = Validation.ReadGuid(text) ?? throw ApiError.Detail(500, InternalError(DatabaseText.MalformedId(text, "SELECT comfyui_deploy.deployments.id FROM comfyui_deploy.deployments")));
        SeedDeployment deployment = call.Account.FindDeployment(id)
            ?? throw ApiError.Detail(500, InternalError("'NoneType' object has no attribute 'environment'"));
        if (deployment.OrgId is not null && deployment.OrgId != call.Caller.OrgId)
        {
            throw ApiError.Detail(500, InternalError("401: Unauthorized access to deployment"));
        }

        if (!call.Caller.Owns(deployment.UserId, deployment.OrgId)) ownOnly = true;
        DateTime now = call.Account.Now;
        IEnumerable<Run> runs = NewestFirst(call.Account, run => run.Deployment?.Id == deployment.Id && (!ownOnly || run.UserId == call.Caller.UserId));
        List<Run> page = call.Page(runs, 60, error: ApiError.Detail(500, InternalError("LIMIT must not be negative")));
        JsonArray data = Rows(page.Select(run => RunShapes.OfDeployment(RunView.At(run, now, readAsTimeout: false))));
        JsonObject meta = new() { ["totalRowCount"] = 0, ["filterRowCount"] = 0, ["chartData"] = new JsonArray() };
        return HttpResponse.Json(200, new JsonObject { ["data"] = data, ["meta"] = meta });
    }

    // The three enum filters always fail on the service; without an ID it counts all users' runs.
    private static HttpResponse Count(Call call)
    {
        if (call.Query("status") is string status && !Statuses.Contains(status))
        {
            throw ApiError.Invalid(Validation.NotOneOf("enum", ["query", "status"], status, Statuses));
        }

        DateTime? from = Time(call, "start_time");
        DateTime? until = Time(call, "end_time");
        string[] names = ["gpu", "status", "origin", "workflow_id", "machine_id", "deployment_id"];
        if (names.Take(3).Any(name => call.Query(name) is not null)) throw ApiError.Error(500, "Internal server error");
        Guid? workflow = call.QueryId("workflow_id");
        Guid? machine = call.QueryId("machine_id");
        Guid? deployment = call.QueryId("deployment_id");
        int count = call.Account.Runs.Count(run => (workflow is null || run.Workflow.Id == workflow)
            && (machine is null || run.Machine.Id == machine)
            && (deployment is null || run.Deployment?.Id == deployment)
            && (from is null || run.CreatedAt >= from)
            && (until is null || run.CreatedAt <= until));
        JsonObject filters = [];
        foreach (string name in names) filters[name] = call.Query(name);
        return HttpResponse.Json(200, new JsonObject
        {
            ["count"] = count,
            ["start_time"] = call.Query("start_time"),
            ["end_time"] = call.Query("end_time"),
            ["filters"] = names.Any(name => call.Query(name) is not null) ? filters : null,
        });
    }

    private static DateTime? Time(Call call, string name)
    {
        if (call.Query(name) is not string text) return null;
        if (DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal, out DateTime time)) return time;
        throw ApiError.Error(400, $"Invalid time format. Please provide UTC time in ISO format (e.g. 2024-03-15T10:00:00Z): Invalid isoformat string: '{text}'");
    }

    private static IEnumerable<Run> OwnRuns(Call call)
    {
        Guid workflow = call.TextId("workflow_id");
        return NewestFirst(call.Account, run => run.Workflow.Id == workflow && call.Caller.Owns(run.UserId, run.OrgId));
    }

    // Runs are stored in the order of creation, so no sort is needed.
    private static IEnumerable<Run> NewestFirst(Account account, Func<Run, bool> filter) => account.Runs.Reverse().Where(filter);

    private static double? Seconds(DateTime? from, DateTime? to) => to is null || from is null ? null : Math.Round((to - from).Value.TotalSeconds, 6);

    private static string InternalError(string text) => "Internal server error: " + text;

    internal static HttpResponse List(IEnumerable<JsonObject> rows) => HttpResponse.Json(200, Rows(rows));

    private static JsonArray Rows(IEnumerable<JsonObject> rows)
    {
        JsonArray array = [];
        foreach (JsonObject row in rows) array.Add((JsonNode)row);
        return array;
    }
}
