using System.Management.Automation;
using System.Security;

namespace ComfyDeploy.Commands;

/// <summary>
/// Accepts a SecureString only. The cmdlet reports anything else, since the engine's error would repeat the line that contains the key.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ApiKeyArgumentAttribute : ArgumentTransformationAttribute
{
    /// <summary>Takes the place of a key that was given as text.</summary>
    internal static readonly SecureString Refused = new();

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object? inputData) => inputData.Unwrap() as SecureString ?? Refused;
}
