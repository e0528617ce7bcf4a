using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Seed;
using ComfyDeploy.Emulator.Shapes;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The deployment routes: the list and a single deployment.</summary>
internal static class DeploymentRoutes
{
    public static void AddTo(Router router)
    {
        router.Add("GET", "/deployments", List);
        router.Add("GET", "/deployment/{deployment_id}", Read);
    }

    /// <summary>The caller's own deployments, last changed first.</summary>
    public static IEnumerable<SeedDeployment> Own(Call call) => call.Account.Seed.Deployments
        .Where(d => !d.Deleted && call.Caller.Owns(d.UserId, d.OrgId) && !call.Account.WorkflowOf(d).Deleted)
        .OrderByDescending(d => d.UpdatedAt);

    // is_fluid=false lists the old-style ones only; a client that needs all sends two requests. The offset requires a page size.
    private static HttpResponse List(Call call)
    {
        string? environment = call.Query("environment");
        if (environment is not null && !SeedDeployment.Environments.Contains(environment))
        {
            throw ApiError.Invalid(Validation.NotOneOf("enum", ["query", "environment"], environment, SeedDeployment.Environments));
        }

        bool fluid = call.Flag("is_fluid");
        List<SeedDeployment> found = Own(call).Where(d => d.Fluid == fluid && (environment is null || d.Environment == environment)).ToList();
        List<SeedDeployment> page = call.Integer("page_size") is null
            ? found
            : call.Page(found, null, "page_size", ApiError.Detail(500, "Internal server error"));
        return RunListRoutes.List(page.Select(d => DeploymentShapes.Whole(call.Account, d, withMachine: false)));
    }

    // A missing, foreign or malformed ID always gives 500.
    private static HttpResponse Read(Call call)
    {
        SeedDeployment deployment = Validation.ReadGuid(call.PathValue("deployment_id")) is Guid id && Own(call).FirstOrDefault(d => d.Id == id) is { } found
            ? found
            : throw ApiError.Detail(500, "Internal server error");
        return HttpResponse.Json(200, DeploymentShapes.Whole(call.Account, deployment, withMachine: false));
    }
}
