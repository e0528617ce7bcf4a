using System.Text.Json;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Emulator.Seed;

/// <summary>
/// The initial content of the emulated account. A seed file is this object as JSON, with names in camel case; comments and trailing commas are
/// allowed. Only <c>users</c> is required; IDs are UUIDs, times are ISO 8601 in UTC. The built-in seed (seed.json of this project) is the
/// most complete example.
/// </summary>
internal sealed class EmulatorSeed
{
    /// <summary>The users; the first one owns the emulator's key.</summary>
    public List<SeedUser> Users { get; set; } = [];

    /// <summary>More keys the emulator accepts, and keys it rejects for a specific reason.</summary>
    public List<SeedKey> Keys { get; set; } = [];

    public List<SeedMachine> Machines { get; set; } = [];

    public List<SeedWorkflow> Workflows { get; set; } = [];

    public List<SeedDeployment> Deployments { get; set; } = [];

    /// <summary>Past runs, in any order. Their tags decide how they proceeded, as for any run.</summary>
    public List<SeedRun> Runs { get; set; } = [];
}

/// <summary>A user: <c>id</c>, <c>name</c>, and <c>credit</c>, which is false when the credits are used up.</summary>
internal sealed class SeedUser
{
    public string Id { get; set; } = "";

    public string Name { get; set; } = "";

    public string? Icon { get; set; }

    public bool Credit { get; set; } = true;
}

/// <summary>A key and its owner. With <c>orgId</c> it sees that organization's rows only, without it the user's own only.</summary>
internal sealed class SeedKey
{
    public string Key { get; set; } = "";

    public string UserId { get; set; } = "";

    public string? OrgId { get; set; }

    /// <summary><c>active</c>, <c>expired</c>, <c>revoked</c>, or <c>machine</c> (a token that may not call the API).</summary>
    public string State { get; set; } = "active";
}

/// <summary>What every row of the account has: an ID, an owner and two times.</summary>
internal abstract class SeedRow
{
    public Guid Id { get; set; }

    /// <summary>The owner; null means the first user.</summary>
    public string? UserId { get; set; }

    public string? OrgId { get; set; }

    public DateTime? CreatedAt { get; set; }

    public DateTime? UpdatedAt { get; set; }

    public bool Deleted { get; set; }
}

/// <summary>A machine: what runs execute on.</summary>
internal sealed class SeedMachine : SeedRow
{
    public string Name { get; set; } = "";

    /// <summary><c>comfy-deploy-serverless</c>, <c>classic</c>, <c>runpod-serverless</c>, <c>workspace</c>…</summary>
    public string Type { get; set; } = "comfy-deploy-serverless";

    public string? Gpu { get; set; }

    /// <summary>The number of runs that execute at once; the others wait.</summary>
    public int Concurrency { get; set; } = 1;

    public int RunTimeout { get; set; } = 300;

    public int IdleTimeout { get; set; } = 60;

    public string? Endpoint { get; set; }

    public string? ComfyuiVersion { get; set; }

    public string? BuilderVersion { get; set; } = "4";

    public Guid? MachineVersionId { get; set; }
}

/// <summary>A workflow, with the inputs and outputs that all its versions have.</summary>
internal sealed class SeedWorkflow : SeedRow
{
    public string Name { get; set; } = "";

    public Guid? MachineId { get; set; }

    public string? Description { get; set; }

    public string? CoverImage { get; set; }

    public bool Pinned { get; set; }

    /// <summary>In any order. A workflow without versions shows one null version, as on the service.</summary>
    public List<SeedVersion> Versions { get; set; } = [];

    public List<SeedInput> Inputs { get; set; } = [];

    /// <summary>Output IDs; each becomes an output node.</summary>
    public List<string> Outputs { get; set; } = ["result"];

    /// <summary>The graph in API form; by default it is generated from the inputs.</summary>
    public JsonObject? WorkflowApi { get; set; }

    /// <summary>The graph in editor form; by default it is generated from the API form.</summary>
    public JsonObject? Workflow { get; set; }
}

/// <summary>One version of a workflow.</summary>
internal sealed class SeedVersion
{
    public Guid Id { get; set; }

    public int Version { get; set; } = 1;

    public string? Comment { get; set; }

    public DateTime? CreatedAt { get; set; }
}

/// <summary>An input as the service declares it: <c>type</c> is string, integer, float, boolean or binary.</summary>
internal sealed class SeedInput
{
    public string Id { get; set; } = "";

    public string Type { get; set; } = "string";

    public string ClassType { get; set; } = "ComfyUIDeployExternalText";

    public JsonElement? Default { get; set; }

    public double? Min { get; set; }

    public double? Max { get; set; }

    public double? Step { get; set; }

    public List<string>? Options { get; set; }

    public string DisplayName { get; set; } = "";

    public string Description { get; set; } = "";
}

/// <summary>A workflow version that can be run.</summary>
internal sealed class SeedDeployment : SeedRow
{
    /// <summary>The environments, in the order the service's validator names them.</summary>
    public static readonly IReadOnlyList<string> Environments =
        ["staging", "production", "public-share", "private-share", "preview", "community-share"];

    public Guid WorkflowId { get; set; }

    public Guid MachineId { get; set; }

    /// <summary>One of <see cref="Environments"/>.</summary>
    public string Environment { get; set; } = "production";

    /// <summary>The version number; null means the newest.</summary>
    public int? Version { get; set; }

    /// <summary>The fixed GPU, which a request cannot change; null means the request's, then the machine's.</summary>
    public string? Gpu { get; set; }

    /// <summary>A new-style deployment, listed with <c>is_fluid=true</c> only.</summary>
    public bool Fluid { get; set; }

    /// <summary>Whether its outputs are in a private bucket, with links that expire.</summary>
    public bool Private { get; set; }

    public string? Description { get; set; }

    public string? ShareSlug { get; set; }

    public JsonObject? ShareOptions { get; set; }

    public int ConcurrencyLimit { get; set; } = 2;

    public int RunTimeout { get; set; } = 300;

    public int IdleTimeout { get; set; }

    public SeedTiming Timing { get; set; } = new();

    /// <summary>What a run yields: image, text, video, audio, file, mesh, custom. Tags in an input take precedence.</summary>
    public List<string> Yields { get; set; } = ["image"];
}

/// <summary>How long the phases of a run take, in emulated seconds. Jitter 0.1 means plus or minus ten percent.</summary>
internal sealed class SeedTiming
{
    public double Queue { get; set; } = 0.5;

    public double ColdStart { get; set; } = 2;

    public double Run { get; set; } = 6;

    public double Jitter { get; set; } = 0.1;
}

/// <summary>A past run.</summary>
internal sealed class SeedRun
{
    public Guid? Id { get; set; }

    public Guid DeploymentId { get; set; }

    /// <summary>The user who started it; null means the owner of the deployment.</summary>
    public string? UserId { get; set; }

    public string? OrgId { get; set; }

    /// <summary>When it was created; or <see cref="SecondsAgo"/>.</summary>
    public DateTime? CreatedAt { get; set; }

    /// <summary>How many seconds before the start of the emulator it was created.</summary>
    public double SecondsAgo { get; set; }

    public JsonObject Inputs { get; set; } = [];

    /// <summary>Forces this status.</summary>
    public string? Status { get; set; }
}
