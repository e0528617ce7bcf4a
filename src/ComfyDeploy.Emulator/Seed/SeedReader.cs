using System.Text.Json;

namespace ComfyDeploy.Emulator.Seed;

/// <summary>Reads a seed and rejects an inconsistent one.</summary>
internal static class SeedReader
{
    private static readonly JsonSerializerOptions Lenient = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>The seed of the options: text, a file, or the built-in one.</summary>
    public static EmulatorSeed Read(EmulatorOptions options)
    {
        if (options.SeedJson is not null && options.SeedPath is not null) throw new EmulatorSeedException("Give SeedJson or SeedPath, not both.");
        string json = options.SeedJson ?? (options.SeedPath is null ? BuiltIn() : ReadFile(options.SeedPath));
        try
        {
            EmulatorSeed seed = JsonSerializer.Deserialize<EmulatorSeed>(json, Lenient) ?? throw new EmulatorSeedException("The seed is null.");
            Check(seed);
            return seed;
        }
        catch (JsonException e)
        {
            throw new EmulatorSeedException("The seed is not valid: " + e.Message, e);
        }
    }

    private static string BuiltIn()
    {
        using Stream stream = typeof(SeedReader).Assembly.GetManifestResourceStream("seed.json")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    private static string ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new EmulatorSeedException($"The seed file '{path}' cannot be read: {e.Message}", e);
        }
    }

    private static void Check(EmulatorSeed seed)
    {
        if (seed.Users.Count == 0) throw new EmulatorSeedException("The seed has no users; the first one owns the emulator's key.");
        HashSet<string> users = new(seed.Users.Select(u => u.Id));
        foreach (SeedKey key in seed.Keys.Where(k => !users.Contains(k.UserId))) throw Unknown("A key", "userId", key.UserId);
        foreach (SeedRow row in seed.Machines.Concat<SeedRow>(seed.Workflows).Concat(seed.Deployments))
        {
            if (row.Id == Guid.Empty) throw new EmulatorSeedException("A " + Kind(row) + " of the seed has no id.");
            if (row.UserId is string owner && !users.Contains(owner)) throw Unknown(Name(row), "userId", owner);
        }

        CheckUnique(seed.Machines);
        CheckUnique(seed.Workflows);
        CheckUnique(seed.Deployments);
        foreach (SeedDeployment deployment in seed.Deployments) CheckDeployment(seed, deployment);
        foreach (SeedRun run in seed.Runs.Where(r => !seed.Deployments.Exists(d => d.Id == r.DeploymentId)))
        {
            throw Unknown("A run", "deploymentId", run.DeploymentId);
        }
    }

    private static void CheckDeployment(EmulatorSeed seed, SeedDeployment deployment)
    {
        SeedWorkflow workflow = seed.Workflows.Find(w => w.Id == deployment.WorkflowId) ?? throw Unknown(Name(deployment), "workflowId", deployment.WorkflowId);
        if (!seed.Machines.Exists(m => m.Id == deployment.MachineId)) throw Unknown(Name(deployment), "machineId", deployment.MachineId);
        if (!SeedDeployment.Environments.Contains(deployment.Environment)) throw Unknown(Name(deployment), "environment", deployment.Environment);
        if (deployment.Version is int version && !workflow.Versions.Exists(v => v.Version == version)) throw Unknown(Name(deployment), "version", version);
        if (deployment.Timing.Jitter is < 0 or >= 1) throw Unknown(Name(deployment), "timing.jitter", deployment.Timing.Jitter);
    }

    private static void CheckUnique(IEnumerable<SeedRow> rows)
    {
        HashSet<Guid> seen = [];
        foreach (SeedRow row in rows.Where(r => !seen.Add(r.Id))) throw new EmulatorSeedException($"{Name(row)} is in the seed twice.");
    }

    private static EmulatorSeedException Unknown(string who, string what, object value) =>
        new($"{who} of the seed names {what} '{value}', which is not known.");

    private static string Name(SeedRow row) => $"The {Kind(row)} {row.Id:D}";

    private static string Kind(SeedRow row) => row switch
    {
        SeedMachine => "machine",
        SeedWorkflow => "workflow",
        _ => "deployment",
    };
}
