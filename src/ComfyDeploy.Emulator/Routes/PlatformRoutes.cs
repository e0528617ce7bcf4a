using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The platform routes: GPU prices.</summary>
internal static class PlatformRoutes
{
    public static void AddTo(Router router) => router.Add("GET", "/platform/gpu-pricing", GpuPricing, needsKey: false);

    /// <summary>Dollars per second.</summary>
    private static HttpResponse GpuPricing(Call call) => HttpResponse.Json(200, new JsonObject
    {
        ["T4"] = 0.00018,
        ["L4"] = 0.00032,
        ["A10G"] = 0.000337,
        ["L40S"] = 0.000596,
        ["A100"] = 0.00114,
        ["A100-80GB"] = 0.001708,
        ["H100"] = 0.002338,
        ["H200"] = 0.001891,
        ["B200"] = 0.002604,
        ["CPU"] = 0.000042,
    });
}
