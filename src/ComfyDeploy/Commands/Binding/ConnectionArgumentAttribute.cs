using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>
/// Accepts a connection or its name. The cmdlet reports an unknown name, so that the error has our own ID.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ConnectionArgumentAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData) =>
        inputData.Unwrap() switch
        {
            string name => ConnectionStore.Find(name) ?? ComfyConnection.Unresolved(name),
            object[] several => Array.ConvertAll(several, one => (ComfyConnection)Transform(engineIntrinsics, one)!),
            var other => other,
        };

    internal static ComfyDeployException NotFound(string name)
    {
        string known = string.Join(", ", ConnectionStore.List().Select(connection => connection.Name));
        return new(ErrorIds.ConnectionNotFound,
            $"There is no connection '{name}'. {(known.Length == 0 ? "None is open: use Connect-ComfyDeploy." : $"Open: {known}.")}");
    }
}
