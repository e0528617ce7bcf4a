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

    internal static ComfyDeployException NotFound(string name) => new(
        ErrorIds.ConnectionNotFound, $"There is no connection '{name}'. {OpenConnections() ?? "None is open: use Connect-ComfyDeploy."}");

    /// <summary>Names the open connections, and how to use one; null when there are none.</summary>
    internal static string? OpenConnections()
    {
        string[] names = [.. ConnectionStore.List().Select(connection => connection.Name)];
        return names.Length == 0 ? null
            : $"Open connections: {string.Join(", ", names)}. To use one, specify -Connection {CommandLine.Quote(names[0])}.";
    }
}
