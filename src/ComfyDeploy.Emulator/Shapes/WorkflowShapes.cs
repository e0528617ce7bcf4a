using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Shapes;

/// <summary>A workflow and its versions as each of the service's routes writes them.</summary>
internal static class WorkflowShapes
{
    /// <summary>GET /workflows: form D.</summary>
    public static JsonObject Listed(SeedWorkflow workflow, SeedUser user) => new()
    {
        ["id"] = workflow.Id.ToString("D"),
        ["name"] = workflow.Name,
        ["created_at"] = Stamps.Blank(workflow.CreatedAt!.Value),
        ["updated_at"] = Stamps.Blank(workflow.UpdatedAt!.Value),
        ["pinned"] = workflow.Pinned,
        ["cover_image"] = workflow.CoverImage,
        ["user_name"] = user.Name,
        ["user_id"] = workflow.UserId,
        ["selected_machine_id"] = workflow.MachineId?.ToString("D"),
        ["user_icon"] = user.Icon,
    };

    /// <summary>GET /workflows/all: form C.</summary>
    public static JsonObject Plain(SeedWorkflow workflow) => Row(workflow, Stamps.NoZone);

    /// <summary>Inside the raw run lists: form B.</summary>
    public static JsonObject Raw(SeedWorkflow workflow) => Row(workflow, Stamps.MillisZ);

    /// <summary>GET /workflow/{id}: form D, with the newest versions; a workflow without versions shows one null.</summary>
    public static JsonObject Single(SeedWorkflow workflow, int versions)
    {
        JsonArray embedded = [];
        foreach (SeedVersion version in workflow.Versions.Take(versions)) embedded.Add((JsonNode)Version(workflow, version, Stamps.Postgres));
        if (workflow.Versions.Count == 0) embedded.Add((JsonNode?)null);
        JsonObject row = Row(workflow, Stamps.Blank);
        row["versions"] = embedded;
        return row;
    }

    /// <summary>A version with its whole graph: form B.</summary>
    public static JsonObject Version(SeedWorkflow workflow, SeedVersion version) => Version(workflow, version, Stamps.MillisZ);

    private static JsonObject Version(SeedWorkflow workflow, SeedVersion version, Func<DateTime, string> stamp) => new()
    {
        ["id"] = version.Id.ToString("D"),
        ["workflow"] = workflow.Workflow!.DeepClone(),
        ["user_id"] = workflow.UserId,
        ["version"] = version.Version,
        ["dependencies"] = null,
        ["updated_at"] = stamp(version.CreatedAt!.Value),
        ["machine_id"] = null,
        ["workflow_id"] = workflow.Id.ToString("D"),
        ["workflow_api"] = workflow.WorkflowApi!.DeepClone(),
        ["comment"] = version.Comment,
        ["snapshot"] = null,
        ["created_at"] = stamp(version.CreatedAt!.Value),
        ["machine_version_id"] = null,
        ["comfyui_snapshot"] = null,
    };

    private static JsonObject Row(SeedWorkflow workflow, Func<DateTime, string> stamp) => new()
    {
        ["id"] = workflow.Id.ToString("D"),
        ["user_id"] = workflow.UserId,
        ["org_id"] = workflow.OrgId,
        ["name"] = workflow.Name,
        ["selected_machine_id"] = workflow.MachineId?.ToString("D"),
        ["created_at"] = stamp(workflow.CreatedAt!.Value),
        ["updated_at"] = stamp(workflow.UpdatedAt!.Value),
        ["pinned"] = workflow.Pinned,
        ["deleted"] = workflow.Deleted,
        ["description"] = workflow.Description,
        ["cover_image"] = workflow.CoverImage,
    };
}
