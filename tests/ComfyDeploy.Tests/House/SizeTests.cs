using Xunit.Abstractions;

namespace ComfyDeploy.Tests.House;

/// <summary>Sizes are warning signs: a file that exceeds them usually has two responsibilities.</summary>
public sealed class SizeTests(ITestOutputHelper output)
{
    private const int MaxFileLines = 250;
    private const int MaxCmdletLines = 150;
    private const int MaxCmdletMedian = 60;
    private const int MaxColumns = 140;

    private static readonly IReadOnlyList<SourceFile> Files = Source.Files();

    private static readonly SourceFile[] Cmdlets = [.. Files.Where(file => file.IsCmdlet)];

    [Fact]
    public void The_sizes_can_be_seen()
    {
        int total = Files.Sum(file => file.Lines.Count);
        output.WriteLine($"{total} lines in {Files.Count} files, {Cmdlets.Length} of them cmdlets. The largest:");
        foreach (SourceFile file in Files.OrderByDescending(file => file.Lines.Count).Take(5)) output.WriteLine(file.ToString());
        Assert.Equal(18, Cmdlets.Length);
    }

    [Fact]
    public void No_file_is_too_long() => AssertNone(Files.Where(file => file.Lines.Count > MaxFileLines));

    [Fact]
    public void No_cmdlet_file_is_too_long() => AssertNone(Cmdlets.Where(file => file.Lines.Count > MaxCmdletLines));

    [Fact]
    public void Half_of_the_cmdlet_files_are_short()
    {
        int[] lengths = [.. Cmdlets.Select(file => file.Lines.Count).Order()];
        Assert.InRange((lengths[(lengths.Length - 1) / 2] + lengths[lengths.Length / 2]) / 2.0, 1, MaxCmdletMedian);
    }

    [Fact]
    public void No_line_is_too_long() =>
        AssertNone(Files.SelectMany(file => file.Lines.Select((line, index) => (Text: $"{file.Name}:{index + 1}: {line.Length} columns", line.Length)))
            .Where(line => line.Length > MaxColumns).Select(line => line.Text));

    private static void AssertNone<T>(IEnumerable<T> offenders) => Assert.True(!offenders.Any(), string.Join(Environment.NewLine, offenders));
}
