using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Seed;
using ComfyDeploy.Emulator.Service;

namespace ComfyDeploy.Emulator.Shapes;

/// <summary>A deployment as the service writes it: form A, the version inside in form B.</summary>
internal static class DeploymentShapes
{
    public static JsonObject Whole(Account account, SeedDeployment deployment, bool withMachine)
    {
        SeedWorkflow workflow = account.WorkflowOf(deployment);
        SeedMachine machine = account.MachineOf(deployment);
        SeedVersion? version = Account.VersionOf(workflow, deployment.Version);
        return new JsonObject
        {
            ["id"] = deployment.Id.ToString("D"),
            ["user_id"] = deployment.UserId,
            ["org_id"] = deployment.OrgId,
            ["workflow_version_id"] = version?.Id.ToString("D"),
            ["workflow_id"] = workflow.Id.ToString("D"),
            ["machine_id"] = machine.Id.ToString("D"),
            ["share_slug"] = deployment.ShareSlug,
            ["description"] = deployment.Description,
            ["share_options"] = deployment.ShareOptions?.DeepClone(),
            ["showcase_media"] = null,
            ["environment"] = deployment.Environment,
            ["created_at"] = Stamps.MicrosZ(deployment.CreatedAt),
            ["updated_at"] = Stamps.MicrosZ(deployment.UpdatedAt),
            ["workflow"] = new JsonObject { ["id"] = workflow.Id.ToString("D"), ["name"] = workflow.Name, ["cover_url"] = workflow.CoverImage },
            ["version"] = version is null ? null : WorkflowShapes.Version(workflow, version),
            ["machine"] = withMachine ? new JsonObject { ["id"] = machine.Id.ToString("D"), ["name"] = machine.Name } : null,
            ["input_types"] = new JsonArray(workflow.Inputs.Select(Input).ToArray<JsonNode>()),
            ["output_types"] = new JsonArray(workflow.Outputs.Select(Output).ToArray<JsonNode>()),
            ["dub_link"] = null,
            ["gpu"] = deployment.Gpu,
            ["machine_version_id"] = deployment.Fluid ? (machine.MachineVersionId ?? machine.Id).ToString("D") : null,
            ["modal_image_id"] = deployment.Fluid ? "im-" + deployment.Id.ToString("N").Substring(0, 22) : null,
            ["concurrency_limit"] = deployment.ConcurrencyLimit,
            ["run_timeout"] = deployment.RunTimeout,
            ["idle_timeout"] = deployment.IdleTimeout,
            ["keep_warm"] = 0,
            ["activated_at"] = deployment.Fluid ? Stamps.MicrosZ(deployment.UpdatedAt) : null,
            ["modal_app_id"] = deployment.Fluid ? "ap-" + deployment.Id.ToString("N").Substring(0, 22) : null,
        };
    }

    private static JsonObject Input(SeedInput input) => new()
    {
        ["type"] = input.Type,
        ["class_type"] = input.ClassType,
        ["input_id"] = input.Id,
        ["default_value"] = input.Default is { } value ? JsonNode.Parse(value.GetRawText()) : null,
        ["min_value"] = input.Min,
        ["max_value"] = input.Max,
        ["display_name"] = input.DisplayName,
        ["description"] = input.Description,
        ["enum_options"] = input.Options is null ? null : new JsonArray(input.Options.Select(o => (JsonNode)o).ToArray()),
        ["step"] = input.Step,
    };

    private static JsonObject Output(string id) => new() { ["class_type"] = "ComfyDeployStdOutputImage", ["output_id"] = id };
}
