using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Seed;
using ComfyDeploy.Emulator.Shapes;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The workflow routes: lists, a single workflow, its deployments and versions.</summary>
internal static class WorkflowRoutes
{
    private const string NotFound = "Workflow not found or you don't have access to it";

    public static void AddTo(Router router)
    {
        router.Add("GET", "/workflows", List);
        router.Add("GET", "/workflows/all", All);
        router.Add("GET", "/workflow/{workflow_id}", Read);
        router.Add("GET", "/workflow/{workflow_id}/deployments", Deployments);
        router.Add("GET", "/workflow/{workflow_id}/versions", Versions);
        router.Add("GET", "/workflow/{workflow_id}/version/{version}", VersionByNumber);
        router.Add("GET", "/workflow-version/{version_id}", VersionById);
    }

    /// <summary>The caller's own workflow; throws the service's error otherwise.</summary>
    public static SeedWorkflow Find(Call call, Guid id) =>
        Own(call).FirstOrDefault(w => w.Id == id) ?? throw ApiError.Detail(404, NotFound);

    private static HttpResponse List(Call call)
    {
        if (call.Query("machine_id") is string text && Validation.ReadGuid(text) is null) throw ApiError.Unhandled();
        Guid? machine = call.QueryId("machine_id");
        string[]? users = call.Query("user_ids")?.Split(',');
        IEnumerable<SeedWorkflow> found = Own(call).Where(w => Matches(w, call.Query("search"))
            && (machine is null || w.MachineId == machine)
            && (users is null || users.Contains(w.UserId)));
        return RunListRoutes.List(call.Page(found, 100).Select(w => WorkflowShapes.Listed(w, call.Account.Seed.Users.Find(u => u.Id == w.UserId)!)));
    }

    private static HttpResponse All(Call call)
    {
        string? search = call.Query("search");
        Guid? id = search is null ? null : Validation.ReadGuid(search);
        IEnumerable<SeedWorkflow> found = Own(call).Where(w => id is not null ? w.Id == id : Matches(w, search));
        return RunListRoutes.List(call.Page(found, null).Select(WorkflowShapes.Plain));
    }

    private static HttpResponse Read(Call call) =>
        HttpResponse.Json(200, WorkflowShapes.Single(Find(call, call.TextId("workflow_id")), call.Integer("limit") ?? 1));

    private static HttpResponse Deployments(Call call)
    {
        Guid id = call.TextId("workflow_id");
        List<SeedDeployment> found = DeploymentRoutes.Own(call).Where(d => d.WorkflowId == id).ToList();
        if (found.Count == 0) throw ApiError.Detail(404, "Deployments not found or you don't have access to it");
        return RunListRoutes.List(found.Select(d => DeploymentShapes.Whole(call.Account, d, withMachine: true)));
    }

    private static HttpResponse Versions(Call call)
    {
        SeedWorkflow workflow = Find(call, call.TextId("workflow_id"));
        string? search = call.Query("search");
        IEnumerable<SeedVersion> found = workflow.Versions.Where(v => search is null || Contains(v.Comment ?? "", search));
        string? icon = call.Account.Seed.Users.Find(u => u.Id == workflow.UserId)!.Icon;
        return RunListRoutes.List(call.Page(found, 100).Select(version =>
        {
            System.Text.Json.Nodes.JsonObject row = WorkflowShapes.Version(workflow, version);
            row["user_icon"] = icon;
            return row;
        }));
    }

    private static HttpResponse VersionByNumber(Call call)
    {
        int number = Validation.ReadInteger(call.PathValue("version"))
            ?? throw ApiError.Invalid(Validation.BadInteger(["path", "version"], call.PathValue("version")));
        SeedWorkflow workflow = Find(call, call.TextId("workflow_id"));
        SeedVersion version = workflow.Versions.Find(v => v.Version == number) ?? throw NoVersion();
        return HttpResponse.Json(200, WorkflowShapes.Version(workflow, version));
    }

    private static HttpResponse VersionById(Call call)
    {
        Guid id = call.TypedId("version_id");
        foreach (SeedWorkflow workflow in Own(call))
        {
            if (workflow.Versions.Find(v => v.Id == id) is SeedVersion version) return HttpResponse.Json(200, WorkflowShapes.Version(workflow, version));
        }

        throw NoVersion();
    }

    private static ApiError NoVersion() => ApiError.Detail(404, "Workflow version not found or you don't have access to it");

    // Pinned first, then last changed first.
    private static IEnumerable<SeedWorkflow> Own(Call call) => call.Account.Seed.Workflows
        .Where(w => !w.Deleted && call.Caller.Owns(w.UserId, w.OrgId))
        .OrderByDescending(w => w.Pinned)
        .ThenByDescending(w => w.UpdatedAt);

    private static bool Matches(SeedWorkflow workflow, string? search) => search is null || Contains(workflow.Name, search);

    private static bool Contains(string text, string part) => text.IndexOf(part, StringComparison.OrdinalIgnoreCase) >= 0;
}
