
namespace ComfyDeploy.Emulator.Routes;

/// <summary>
/// Routes the service has and the emulator does not support. They return 501, which the service never does, so that nobody mistakes a gap of
/// the emulator for a response of the service.
/// </summary>
internal static class UnsupportedRoutes
{
    private static readonly string[] Routes =
    [
        "POST /run/deployment/sync", "POST /run/deployment/stream", "POST /run/workflow/sync", "POST /run/workflow/stream", "POST /run/sync", "POST /run/stream",
        "GET /v2/stream-logs", "GET /deployments/community", "GET /deployments/featured", "POST /deployment",
        "GET /sessions", "POST /session", "GET /session/{id}", "DELETE /session/{id}", "POST /session/{id}/increase-timeout",
        "GET /assets", "GET /assets/search", "GET /assets/presigned-url", "GET /assets/{id}", "POST /assets/upload", "POST /assets/register",
        "GET /machine/{id}/events", "GET /machine/{id}/workflows", "GET /workflow/{id}/export", "POST /workflow", "GET /models", "GET /search/model",
        "GET /volume/private-models", "GET /volume/public-models", "GET /platform/usage", "GET /platform/usage-details", "GET /platform/plan",
        "GET /platform/api-keys", "GET /platform/user-settings", "GET /share/output", "GET /shared-workflows",
    ];

    public static void AddTo(Router router)
    {
        foreach (string route in Routes)
        {
            string[] parts = route.Split(' ');
            router.Add(parts[0], parts[1], call => throw ApiError.Detail(501, $"The emulator does not support {route}"));
        }
    }
}
