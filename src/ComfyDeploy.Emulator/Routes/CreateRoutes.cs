using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Seed;
using ComfyDeploy.Emulator.Service;
using ComfyDeploy.Emulator.Storage;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The ways to create a run.</summary>
internal sealed class CreateRoutes(Uploads uploads)
{
    private static readonly string[] Origins = ["manual", "api", "public-share", "public-template", "workspace"];

    public void AddTo(Router router)
    {
        router.Add("POST", "/run/deployment/queue", call => Queued(call, FromDeployment));
        router.Add("POST", "/run/workflow/queue", call => Queued(call, FromWorkflow));
        router.Add("POST", "/run/queue", call => Queued(call, FromAny));
        router.Add("POST", "/run", AnyKind);
    }

    // Only this route can return the ID of a batch; the queue routes create the batch and then fail.
    private HttpResponse AnyKind(Call call)
    {
        RunRequest request = RunRequest.Read(call.Request);
        bool batch = request.BatchNumber > 1 || request.BatchParameters is not null;
        if (batch && request.Mode == "sync_first_result") throw ApiError.Detail(400, "Batch number is not supported for sync_first_result execution mode");
        NewRun newRun = FromAny(call, request);
        if (!batch) return Started(call, request, newRun);
        Guid id = call.Account.Ids.NextGuid();
        CreateBatch(call, request, newRun with { BatchId = id });
        return HttpResponse.Json(200, new JsonObject { ["batch_id"] = id.ToString("D") });
    }

    private static HttpResponse Queued(Call call, Func<Call, RunRequest, NewRun> read)
    {
        RunRequest request = RunRequest.Read(call.Request);
        NewRun newRun = read(call, request);
        if (request.BatchNumber <= 1 && request.BatchParameters is null) return Started(call, request, newRun);
        CreateBatch(call, request, newRun with { BatchId = call.Account.Ids.NextGuid() });
        throw ApiError.Unhandled();
    }

    private static HttpResponse Started(Call call, RunRequest request, NewRun newRun)
    {
        Run run = call.Account.AddRun(newRun);
        // The other modes create the run and then return something the route's own model rejects.
        if (run.Script.RefusedAtCreate || request.Mode != "async") throw ApiError.Unhandled();
        return HttpResponse.Json(200, new JsonObject { ["run_id"] = run.Id.ToString("D") });
    }

    private static void CreateBatch(Call call, RunRequest request, NewRun newRun)
    {
        List<JsonObject> rows = [newRun.Inputs];
        if (request.BatchParameters is null)
        {
            rows = Enumerable.Repeat(newRun.Inputs, request.BatchNumber).ToList();
        }
        else
        {
            foreach (KeyValuePair<string, JsonNode?> list in request.BatchParameters)
            {
                rows = rows.SelectMany(row => (list.Value as JsonArray ?? []).Select(value => With(row, list.Key, value))).ToList();
            }
        }

        foreach (JsonObject inputs in rows) call.Account.AddRun(newRun with { Inputs = inputs });
    }

    private static JsonObject With(JsonObject row, string name, JsonNode? value)
    {
        JsonObject copy = (JsonObject)row.DeepClone();
        copy[name] = value?.DeepClone();
        return copy;
    }

    // The first form that the body has the required fields of, in this order; without any, the error of the one it comes closest to.
    private NewRun FromAny(Call call, RunRequest request)
    {
        if (request.Has("workflow_version_id")) return FromVersion(call, request);
        if (request.Has("workflow_id") && (request.Has("workflow_api_json") || !request.Has("deployment_id"))) return FromWorkflow(call, request);
        if (request.Has("deployment_id") || !request.Has("model_id")) return FromDeployment(call, request);
        return FromModel(call, request);
    }

    private NewRun FromDeployment(Call call, RunRequest request)
    {
        Guid id = request.RequiredId("deployment_id");
        request.Check();
        Account account = call.Account;
        SeedDeployment deployment = account.FindDeployment(id) is { } found && MayRun(call.Caller, found)
            ? found
            : throw ApiError.Detail(404, "Deployment not found");
        SeedWorkflow workflow = account.WorkflowOf(deployment);
        if (workflow.Deleted) throw ApiError.Detail(404, "Workflow not found");
        SeedMachine machine = account.MachineOf(deployment);
        if (machine.Deleted) throw ApiError.Detail(404, "Machine not found for this deployment");
        if (!account.Seed.Users.Find(u => u.Id == deployment.UserId)!.Credit)
        {
            throw ApiError.Detail(403, "Insufficient deployment owner's GPU credits to create run");
        }

        return Build(call, request, deployment, workflow, machine);
    }

    private static bool MayRun(Caller caller, SeedDeployment deployment) =>
        caller.Owns(deployment.UserId, deployment.OrgId) || deployment.Environment is "public-share" or "community-share";

    private NewRun FromVersion(Call call, RunRequest request)
    {
        Guid id = request.RequiredId("workflow_version_id");
        Guid? machineId = request.OptionalId("machine_id");
        request.Check();
        SeedWorkflow workflow = call.Account.Seed.Workflows.Find(w => w.Versions.Exists(v => v.Id == id))
            ?? throw ApiError.Detail(404, "Workflow version not found for this deployment");
        return OnMachine(call, request, workflow, workflow.WorkflowApi!, machineId) with { VersionId = id };
    }

    private NewRun FromWorkflow(Call call, RunRequest request)
    {
        Guid id = request.RequiredId("workflow_id");
        JsonObject graph = request.RequiredGraph("workflow_api_json");
        Guid? machineId = request.OptionalId("machine_id");
        request.Check();
        return OnMachine(call, request, call.Account.Seed.Workflows.Find(w => w.Id == id), graph, machineId);
    }

    // Fails, and leaves a failed row that belongs to no workflow.
    private NewRun FromModel(Call call, RunRequest request)
    {
        string id = request.RequiredText("model_id");
        request.Check();
        return Build(call, request, null, new SeedWorkflow { WorkflowApi = [] }, new SeedMachine()) with { ModelId = id };
    }

    private NewRun OnMachine(Call call, RunRequest request, SeedWorkflow? workflow, JsonObject graph, Guid? machineId)
    {
        if (workflow is null || workflow.Deleted || !call.Caller.Owns(workflow.UserId, workflow.OrgId)) throw ApiError.Detail(404, "Workflow not found");
        SeedMachine? machine = call.Account.Seed.Machines.Find(m => m.Id == machineId && !m.Deleted && call.Caller.Owns(m.UserId, m.OrgId));
        if (machineId is not null && machine is null) throw ApiError.Detail(404, "Machine not found for this deployment");
        if (graph.Count == 0) throw ApiError.Detail(404, "Workflow API not found");
        return Build(call, request, null, workflow, machine ?? throw ApiError.Detail(404, "Machine not found"));
    }

    private NewRun Build(Call call, RunRequest request, SeedDeployment? deployment, SeedWorkflow workflow, SeedMachine machine)
    {
        if (machine.Type == "runpod-serverless") throw ApiError.Detail(400, "Machine auth token not found");
        if (!Origins.Contains(request.Origin) || HoldsNul(request.Inputs)) throw ApiError.Unhandled();
        return new NewRun
        {
            Deployment = deployment,
            Workflow = workflow,
            Machine = machine,
            Caller = call.Caller,
            Inputs = uploads.WithLinks(call.Account, request.Inputs),
            WorkflowApi = request.WorkflowApi,
            Gpu = request.Gpu,
            Origin = request.Origin,
            Webhook = request.Webhook,
            WebhookIntermediateStatus = request.WebhookIntermediateStatus,
        };
    }

    // The database cannot store the character.
    private static bool HoldsNul(JsonNode? node) => node switch
    {
        JsonObject container => container.Any(member => member.Key.Contains('\0') || HoldsNul(member.Value)),
        JsonArray array => array.Any(HoldsNul),
        JsonValue value when value.TryGetValue(out string? text) => text.Contains('\0'),
        _ => false,
    };
}
