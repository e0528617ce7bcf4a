using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.House;

public sealed class PublicSurfaceTests
{
    private const string Record = "tests/ComfyDeploy.Tests/House/public-surface.txt";

    /// <summary>A change of the surface is a decision: it changes the record in the same commit.</summary>
    [Fact]
    public void The_public_surface_is_the_recorded_one()
    {
        using EngineFixture engine = new();
        string[] actual = [.. PublicSurface.Describe(engine)];
        string record = Path.Combine(BuiltModule.RepositoryRoot, Record);
        if (Environment.GetEnvironmentVariable("COMFY_RECORD_SURFACE") == "1") File.WriteAllLines(record, actual);
        string[] recorded = File.ReadAllLines(record);

        string[] changes = [.. recorded.Except(actual).Select(line => $"gone: {line}"), .. actual.Except(recorded).Select(line => $"new: {line}")];
        Assert.True(changes.Length == 0, string.Join(Environment.NewLine, changes));
        Assert.NotEmpty(recorded);
    }
}
