using ComfyDeploy.Emulator.Service;

namespace ComfyDeploy.Emulator.Seed;

/// <summary>Fills in the defaults of a seed.</summary>
internal static class SeedDefaults
{
    public static void Fill(EmulatorSeed seed, DateTime now)
    {
        string owner = seed.Users[0].Id;
        DateTime made = now.AddDays(-30);
        foreach (SeedRow row in seed.Machines.Concat<SeedRow>(seed.Workflows).Concat(seed.Deployments))
        {
            row.UserId ??= owner;
            row.CreatedAt = row.CreatedAt?.ToUniversalTime() ?? made;
            row.UpdatedAt = row.UpdatedAt?.ToUniversalTime() ?? row.CreatedAt;
        }

        foreach (SeedWorkflow workflow in seed.Workflows) FillWorkflow(workflow);
    }

    private static void FillWorkflow(SeedWorkflow workflow)
    {
        workflow.WorkflowApi ??= Graph.Api(workflow);
        workflow.Workflow ??= Graph.Editor(workflow.WorkflowApi);
        workflow.Versions.Sort((a, b) => b.Version.CompareTo(a.Version));
        foreach (SeedVersion version in workflow.Versions) version.CreatedAt = version.CreatedAt?.ToUniversalTime() ?? workflow.CreatedAt;
    }
}
