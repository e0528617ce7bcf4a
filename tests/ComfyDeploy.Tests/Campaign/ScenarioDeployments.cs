namespace ComfyDeploy.Tests.Campaign;

/// <summary>The deployments that rows name: of one workflow, so that each takes the same inputs, and one that does not exist.</summary>
internal static class ScenarioDeployments
{
    internal const string Usual = "portrait";
    internal const string Missing = "portrayal";

    private static readonly Dictionary<string, string> Ids = new()
    {
        [Usual] = "00000030-0000-4000-8000-000000000030",
        ["portrait/staging"] = "00000031-0000-4000-8000-000000000031",
        ["portrait/preview"] = "00000032-0000-4000-8000-000000000032",
    };

    internal static string[] Known { get; } = [.. Ids.Keys];

    /// <summary>The ID of a deployment; null for the one that does not exist.</summary>
    internal static string? IdOf(string name) => Ids.GetValueOrDefault(name);
}
