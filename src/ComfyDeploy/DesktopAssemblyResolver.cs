using System.Management.Automation;
using System.Reflection;

namespace ComfyDeploy;

/// <summary>
/// On Windows PowerShell finds System.Text.Json and its closure in <c>lib/</c>, by simple name: the closure disagrees with itself
/// about versions, and powershell.exe has no binding redirects. PowerShell 7 brings its own and needs nothing of it.
/// </summary>
public sealed class DesktopAssemblyResolver : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private static readonly string Library = Path.Combine(Path.GetDirectoryName(typeof(DesktopAssemblyResolver).Assembly.Location)!, "lib");

    /// <summary>.NET Framework, by the name of its core library.</summary>
    internal static bool IsDesktop { get; } = typeof(object).Assembly.GetName().Name == "mscorlib";

    /// <inheritdoc/>
    public void OnImport()
    {
        if (IsDesktop) AppDomain.CurrentDomain.AssemblyResolve += Resolve;
    }

    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        if (IsDesktop) AppDomain.CurrentDomain.AssemblyResolve -= Resolve;
    }

    private static Assembly? Resolve(object sender, ResolveEventArgs args)
    {
        string path = Path.Combine(Library, new AssemblyName(args.Name).Name + ".dll");
        return File.Exists(path) ? Assembly.LoadFrom(path) : null;
    }
}
