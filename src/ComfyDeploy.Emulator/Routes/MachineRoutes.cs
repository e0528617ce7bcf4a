using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Seed;
using ComfyDeploy.Emulator.Shapes;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The machine routes: lists and a single machine.</summary>
internal static class MachineRoutes
{
    public static void AddTo(Router router)
    {
        router.Add("GET", "/machines", List);
        router.Add("GET", "/machines/all", All);
        router.Add("GET", "/machine/{machine_id}", Read);
    }

    // Deleted machines are listed unless they are excluded; workspaces only on request.
    private static HttpResponse List(Call call)
    {
        bool? deleted = call.OptionalFlag("is_deleted");
        bool? docker = call.OptionalFlag("is_docker");
        bool? selfHosted = call.OptionalFlag("is_self_hosted");
        bool workspace = call.Flag("is_workspace");
        IEnumerable<SeedMachine> found = Own(call).Where(m => (deleted is null || m.Deleted == deleted)
            && (docker is null || (m.Type == "comfy-deploy-serverless") == docker)
            && (selfHosted is null || (m.Type != "comfy-deploy-serverless") == selfHosted)
            && (m.Type == "workspace") == workspace
            && Matches(m, call.Query("search")));
        return RunListRoutes.List(call.Page(found, 100).Select(m => Listed(call, m)));
    }

    private static JsonObject Listed(Call call, SeedMachine machine)
    {
        JsonObject row = MachineShapes.Listed(machine);
        if (call.Flag("include_docker_command_steps")) row["docker_command_steps"] = null;
        if (call.Flag("include_has_workflows")) row["has_workflows"] = call.Account.Seed.Workflows.Exists(w => w.MachineId == machine.Id && !w.Deleted);
        return row;
    }

    private static HttpResponse All(Call call) =>
        RunListRoutes.List(call.Page(Own(call).Where(m => !m.Deleted && Matches(m, call.Query("search"))), null).Select(MachineShapes.Listed));

    private static HttpResponse Read(Call call)
    {
        Guid id = call.TypedId("machine_id");
        SeedMachine machine = Own(call).FirstOrDefault(m => m.Id == id && !m.Deleted) ?? throw ApiError.Detail(404, "Machine not found");
        return HttpResponse.Json(200, MachineShapes.Single(machine));
    }

    private static IEnumerable<SeedMachine> Own(Call call) => call.Account.Seed.Machines
        .Where(m => call.Caller.Owns(m.UserId, m.OrgId))
        .OrderByDescending(m => m.UpdatedAt);

    private static bool Matches(SeedMachine machine, string? search) =>
        search is null || machine.Name.IndexOf(search, StringComparison.OrdinalIgnoreCase) >= 0;
}
