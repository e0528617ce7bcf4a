using System.Collections;
using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>The kind of object a reference parameter accepts.</summary>
public enum ReferenceKind
{
    /// <summary>A run, by RunId.</summary>
    Run,

    /// <summary>A deployment, by DeploymentId or name.</summary>
    Deployment,

    /// <summary>A workflow, by WorkflowId or name.</summary>
    Workflow,

    /// <summary>A version of a workflow, by WorkflowVersionId.</summary>
    WorkflowVersion,

    /// <summary>A machine, by MachineId or name.</summary>
    Machine,
}

/// <summary>
/// Converts text, GUIDs, objects of this module and any object with the right ID property to references; rejects other types.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ReferenceAttribute(ReferenceKind kind) : ArgumentTransformationAttribute
{
    /// <summary>The kind of object that is expected.</summary>
    public ReferenceKind Kind { get; } = kind;

    /// <summary>
    /// Passes workflows and deployments unchanged: another parameter of the cmdlet accepts them, and an error here would end the binding.
    /// </summary>
    public bool PassesSources { get; set; }

    private string IdProperty => Kind + "Id";

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        object? value = inputData.Unwrap();
        if (PassesSources && value is IComfyRunSource) return inputData;
        return value is IEnumerable several and not (string or IDictionary)
            ? several.Cast<object?>().Select(ToReference).ToArray()
            : ToReference(inputData);
    }

    private ComfyReference? ToReference(object? input)
    {
        object? value = input.Unwrap();
        switch (value)
        {
            case null: return null;
            case ComfyReference reference: return reference;
            case string or Guid: return new(value.ToString()!.Trim());
            // The parser reads a short ID such as 12345678 or 1e234567 as a number, and keeps its text.
            case int or long or double or decimal: return new(input!.ToString()!);
        }
        PSObject source = PSObject.AsPSObject(input!);
        if (Kind == ReferenceKind.Run && value is ComfyRun run) return new(run.RunId ?? string.Empty, source);
        if (Kind == ReferenceKind.Run && value is IComfyRunSource) throw Refuse(value);
        if (ComfyReference.PropertyOf(source, IdProperty) is { } id) return new(id, source);
        // A row that was never queued has no ID, and still belongs to the batch.
        if (Kind == ReferenceKind.Run && ComfyReference.PropertyOf(source, "Status") == RunStatus.NotQueued)
        {
            return new(string.Empty, source);
        }
        throw Refuse(value);
    }

    private ArgumentTransformationMetadataException Refuse(object value)
    {
        string type = value is PSCustomObject ? "An object" : $"A {value.GetType().Name}";
        string noun = Kind == ReferenceKind.WorkflowVersion ? "workflow version" : Kind.ToString().ToLowerInvariant();
        string hint = (Kind, value) switch
        {
            (ReferenceKind.Run, ComfyWorkflow workflow) =>
                $"; list its runs with: Get-ComfyRun -Workflow {CommandLine.Quote(workflow.ToString())}",
            (ReferenceKind.Run, ComfyDeployment deployment) =>
                $"; list its runs with: Get-ComfyDeployment {CommandLine.Quote(deployment.DeploymentName)} | Get-ComfyRun",
            (ReferenceKind.Deployment, ComfyRun) => ", and this one does not say which deployment it came from. Give -Deployment by name",
            (ReferenceKind.Deployment, IDictionary) => "; when deployments are piped, name the inputs: -Inputs @{…}",
            (ReferenceKind.WorkflowVersion, _) => $"; expected is an ID, or an object with the property {IdProperty}",
            _ => $"; expected is an id, a name, or an object with the property {IdProperty}",
        };
        return new($"{type} is not a {noun}{hint}.");
    }
}
