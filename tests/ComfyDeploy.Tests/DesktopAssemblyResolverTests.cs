using System.Reflection;

namespace ComfyDeploy.Tests;

/// <summary>What Windows PowerShell receives from lib/: nothing for others, and nothing older than was asked for.</summary>
public sealed class DesktopAssemblyResolverTests
{
    private static readonly Assembly Ours = typeof(ComfyRun).Assembly;
    private static readonly Version Shipped = AssemblyName.GetAssemblyName(Path.Combine(BuiltModule.Folder, "lib", "System.Text.Json.dll")).Version!;

    [Fact]
    public void The_module_receives_its_own_library() =>
        Assert.Equal(Path.Combine(BuiltModule.Folder, "lib", "System.Text.Json.dll"), Find(Named("System.Text.Json", Shipped), Ours));

    [Fact]
    public void A_request_for_an_older_version_receives_the_newer_one() => Assert.NotNull(Find(Named("System.Text.Json", new(4, 0, 1, 0)), Ours));

    [Fact]
    public void A_request_for_a_newer_version_receives_nothing() =>
        Assert.Null(Find(Named("System.Text.Json", new(Shipped.Major + 1, 0, 0, 0)), Ours));

    [Fact]
    public void Another_module_receives_nothing()
    {
        Assert.Null(Find(Named("System.Text.Json", Shipped), typeof(FactAttribute).Assembly));
        Assert.Null(Find(Named("System.Text.Json", Shipped), null));
    }

    [Fact]
    public void What_is_not_shipped_is_not_found() => Assert.Null(Find(Named("Newtonsoft.Json", new(13, 0, 0, 0)), Ours));

    // Windows PowerShell reads types and formats, which use the assembly, before it loads the root module.
    [Fact]
    public void The_manifest_has_the_assembly_loaded_before_types_and_formats() =>
        Assert.Contains("RequiredAssemblies     = @('ComfyDeploy.dll')", File.ReadAllText(BuiltModule.Manifest), StringComparison.Ordinal);

    private static string? Find(AssemblyName asked, Assembly? requester) => DesktopAssemblyResolver.Find(asked, requester, BuiltModule.Folder);

    private static AssemblyName Named(string name, Version version) => new(name) { Version = version };
}
