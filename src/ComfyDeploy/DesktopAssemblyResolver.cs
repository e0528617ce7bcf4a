using System.Management.Automation;
using System.Reflection;

namespace ComfyDeploy;

/// <summary>
/// On Windows PowerShell finds System.Text.Json and its closure in <c>lib/</c>, by simple name: the closure disagrees with itself
/// about versions, and powershell.exe has no binding redirects. PowerShell 7 brings its own and needs nothing of it.
/// </summary>
public sealed class DesktopAssemblyResolver : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private static readonly string Module = Path.GetDirectoryName(typeof(DesktopAssemblyResolver).Assembly.Location)!;

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

    /// <summary>The file in <c>lib/</c> for an assembly that one of the module's own asks for; null for any other.</summary>
    /// <param name="asked">The assembly that is missing.</param>
    /// <param name="requester">Which assembly needs it; null when the runtime does not know.</param>
    /// <param name="module">The folder of the module.</param>
    internal static string? Find(AssemblyName asked, Assembly? requester, string module)
    {
        // Other modules in the process have dependencies of their own.
        if (requester is null or { IsDynamic: true }) return null;
        string library = Path.Combine(module, "lib");
        string? folder = Path.GetDirectoryName(requester.Location);
        if (!IsSame(folder, module) && !IsSame(folder, library)) return null;
        string path = Path.Combine(library, asked.Name + ".dll");
        return File.Exists(path) && AssemblyName.GetAssemblyName(path).Version >= asked.Version ? path : null;
    }

    private static bool IsSame(string? folder, string other) => string.Equals(folder, other, StringComparison.OrdinalIgnoreCase);

    private static Assembly? Resolve(object sender, ResolveEventArgs args) =>
        Find(new(args.Name), args.RequestingAssembly, Module) is { } path ? Assembly.LoadFrom(path) : null;
}
