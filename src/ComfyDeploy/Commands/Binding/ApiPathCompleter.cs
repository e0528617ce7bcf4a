namespace ComfyDeploy.Commands;

/// <summary>Completes paths of the service that can be read; values typed for the parts in braces are kept.</summary>
public sealed class ApiPathCompleter : Completer
{
    // Not those whose answers contain secrets.
    private static readonly string[] Paths =
    [
        "/assets", "/assets/{asset_id}", "/assets/search", "/comfyui-versions", "/deployment/{deployment_id}",
        "/deployment/{deployment_id}/runs", "/deployments", "/machine/{machine_id}", "/machine/{machine_id}/events",
        "/machine/{machine_id}/workflows", "/machine/serverless/{machine_id}/versions", "/machines", "/machines/all",
        "/platform/api-keys", "/platform/gpu-pricing", "/platform/plan", "/platform/usage", "/platform/usage-details", "/run/{run_id}",
        "/search/model", "/session/{session_id}", "/sessions", "/share/output", "/shared-workflows", "/v2/clickhouse-run-logs/{run_id}",
        "/v2/workflow/{workflow_id}/runs", "/volume/downloading-models", "/volume/private-models", "/volume/public-models",
        "/workflow-version/{version_id}", "/workflow/{workflow_id}", "/workflow/{workflow_id}/deployments",
        "/workflow/{workflow_id}/export", "/workflow/{workflow_id}/gallery", "/workflow/{workflow_id}/runs",
        "/workflow/{workflow_id}/version/{version}", "/workflow/{workflow_id}/versions", "/workflows", "/workflows/all",
    ];

    private protected override IEnumerable<Suggestion> Suggest(TypedCommand command)
    {
        bool isRooted = command.Word is "" or ['/', ..];
        string[] typed = (isRooted ? command.Word : $"/{command.Word}").Split('/');
        return Paths.Select(path => new Suggestion(Fill(path, typed).Substring(isRooted ? 0 : 1), $"GET {path}"));
    }

    private static string Fill(string path, string[] typed) => string.Join("/", path.Split('/')
        .Select((part, index) => part is ['{', ..] && index < typed.Length - 1 && typed[index].Length > 0 ? typed[index] : part));
}
