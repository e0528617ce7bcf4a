namespace ComfyDeploy.Tests;

public sealed class BuiltModuleTests
{
    [Fact]
    public void The_tests_run_the_built_module_and_no_copy() =>
        Assert.Equal(Path.Combine(BuiltModule.Folder, "ComfyDeploy.dll"), typeof(ComfyRun).Assembly.Location);

    // System.Text.Encodings.Web and System.Memory are parts of System.Text.Json: in the host of PowerShell 7, in lib/ for 5.1.
    [Fact]
    public void The_module_references_only_what_every_host_has() =>
        Assert.Equal(
            ["ComfyDeploy.Emulator", "System.Management.Automation", "System.Memory", "System.Text.Encodings.Web", "System.Text.Json", "netstandard"],
            typeof(ComfyRun).Assembly.GetReferencedAssemblies().Select(name => name.Name!).Order(StringComparer.Ordinal));

    [Fact]
    public void No_public_member_shows_a_JSON_type()
    {
        IEnumerable<string> shown = typeof(ComfyRun).Assembly.GetExportedTypes()
            .SelectMany(type => type.GetProperties().Select(property => $"{type.Name}.{property.Name}: {property.PropertyType}").Append($"{type.Name}: {type.BaseType}"))
            .Where(text => text.Contains("Text.Json", StringComparison.Ordinal));
        Assert.Empty(shown);
    }
}
