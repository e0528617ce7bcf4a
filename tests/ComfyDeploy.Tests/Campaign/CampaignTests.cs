using System.Globalization;
using ComfyDeploy.Tests.Engine;
using Xunit.Abstractions;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>
/// Scenarios at random, each checked against the promises of the module. The long campaign runs with <c>--filter Category=Campaign</c>;
/// <c>COMFY_CAMPAIGN_SEED</c> and <c>COMFY_CAMPAIGN_COUNT</c> say which scenarios and how many.
/// </summary>
[Collection(ProcessWide.Name)]
public sealed class CampaignTests(ITestOutputHelper output)
{
    private const int ShortCount = 300;
    private const ulong ShortSeed = 20261124;
    private const int PartSize = 50;
    private const int MostReported = 5;

    private static readonly int Count = (int)Number("COMFY_CAMPAIGN_COUNT", 10_000);
    private static readonly ulong Seed = Number("COMFY_CAMPAIGN_SEED", (ulong)DateTime.UtcNow.Ticks / TimeSpan.TicksPerSecond);
    private static readonly Distribution Short = new();
    private static readonly Distribution Whole = new();

    /// <summary>The campaigns in parts, so that no single test takes long.</summary>
    public static TheoryData<int> ShortParts => [.. Enumerable.Range(0, ShortCount / PartSize)];

    public static TheoryData<int> Parts => [.. Enumerable.Range(0, (Count + PartSize - 1) / PartSize)];

    [Theory]
    [MemberData(nameof(ShortParts))]
    public void Every_promise_holds(int part) => Run(ShortSeed, part * PartSize, PartSize, Short);

    [Theory]
    [Trait("Category", "Campaign")]
    [MemberData(nameof(Parts))]
    public void Every_promise_holds_in_the_long_run(int part) =>
        Run(Seed, part * PartSize, Math.Min(PartSize, Count - (part * PartSize)), Whole);

    private static ulong Number(string variable, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out ulong number) ? number : otherwise;

    private void Run(ulong seed, int first, int count, Distribution distribution)
    {
        using CampaignRun campaign = new(seed);
        campaign.Run(first, count, distribution);
        output.WriteLine(campaign.Times());
        if (distribution.Total == (distribution == Short ? ShortCount : Count)) output.WriteLine(distribution.ToString());
        string report = campaign.Report(MostReported);
        Assert.True(report.Length == 0, report);
    }
}
