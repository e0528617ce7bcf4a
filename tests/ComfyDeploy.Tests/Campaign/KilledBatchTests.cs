using Xunit.Abstractions;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>A batch is killed with SIGKILL again and again, and the same command goes on: nothing is lost, and nothing is paid for twice.</summary>
public sealed class KilledBatchTests(ITestOutputHelper output)
{
    [Fact]
    public Task A_killed_batch_goes_on() => RunAsync(seed: 1, rows: 30, kills: 3);

    [Theory]
    [Trait("Category", "Campaign")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public Task A_long_batch_that_is_killed_again_and_again_goes_on(int seed) => RunAsync(seed, rows: 500, kills: 20);

    private async Task RunAsync(int seed, int rows, int kills)
    {
        using KilledBatch batch = new(seed, rows);
        await batch.KillAsync(kills);
        await batch.FinishAsync(most: 30);
        batch.AssertComplete();
        output.WriteLine(batch.Figures());
    }
}
