using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Shapes;

/// <summary>A machine as the service writes it: form C.</summary>
internal static class MachineShapes
{
    /// <summary>The 15 keys of the lists.</summary>
    public static JsonObject Listed(SeedMachine machine) => new()
    {
        ["id"] = machine.Id.ToString("D"),
        ["user_id"] = machine.UserId,
        ["name"] = machine.Name,
        ["created_at"] = Stamps.NoZone(machine.CreatedAt),
        ["updated_at"] = Stamps.NoZone(machine.UpdatedAt),
        ["type"] = machine.Type,
        ["org_id"] = machine.OrgId,
        ["status"] = "ready",
        ["gpu"] = machine.Gpu,
        ["machine_version"] = null,
        ["machine_builder_version"] = machine.BuilderVersion,
        ["comfyui_version"] = machine.ComfyuiVersion,
        ["import_failed_logs"] = null,
        ["machine_version_id"] = machine.MachineVersionId?.ToString("D"),
        ["is_workspace"] = machine.Type == "workspace",
    };

    /// <summary>The 36 keys of one machine.</summary>
    public static JsonObject Single(SeedMachine machine)
    {
        JsonObject whole = Listed(machine);
        whole["deleted"] = machine.Deleted;
        whole["endpoint"] = machine.Endpoint ?? "not-ready";
        whole["concurrency_limit"] = machine.Concurrency;
        whole["run_timeout"] = machine.RunTimeout;
        whole["idle_timeout"] = machine.IdleTimeout;
        whole["docker_command_steps"] = null;
        whole["keep_warm"] = 0;
        whole["allow_concurrent_inputs"] = 1;
        whole["base_docker_image"] = null;
        whole["python_version"] = null;
        whole["extra_args"] = null;
        whole["prestart_command"] = null;
        whole["install_custom_node_with_gpu"] = false;
        whole["optimized_runner"] = false;
        whole["disable_metadata"] = true;
        whole["cpu_request"] = null;
        whole["cpu_limit"] = null;
        whole["memory_request"] = null;
        whole["memory_limit"] = null;
        whole["models_to_cache"] = new JsonArray();
        whole["enable_gpu_memory_snapshot"] = false;
        return whole;
    }
}
