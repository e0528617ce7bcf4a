using System.Management.Automation;

namespace ComfyDeploy.Commands;

internal static class PSObjects
{
    /// <summary>The object inside a PSObject, or the object itself.</summary>
    internal static object? Unwrap(this object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}
