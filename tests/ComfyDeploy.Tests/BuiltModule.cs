using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace ComfyDeploy.Tests;

/// <summary>The module under test: the dlls of out/ComfyDeploy, the same files a user imports, never a copy next to the tests.</summary>
internal static class BuiltModule
{
    internal static string RepositoryRoot { get; } = typeof(BuiltModule).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;

    internal static string Folder { get; } = Path.Combine(RepositoryRoot, "out", "ComfyDeploy");

    internal static string Manifest { get; } = Path.Combine(Folder, "ComfyDeploy.psd1");

    internal static string Fixtures { get; } = Path.Combine(RepositoryRoot, "tests", "fixtures");

#pragma warning disable CA2255 // A test assembly has no caller that could do this before its types are loaded.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void LoadFromOutput() => AssemblyLoadContext.Default.Resolving += (context, name) =>
    {
        string path = Path.Combine(Folder, name.Name + ".dll");
        return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
    };
}
