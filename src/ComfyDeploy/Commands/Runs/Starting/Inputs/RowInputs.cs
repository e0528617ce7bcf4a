using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace ComfyDeploy.Commands;

/// <summary>The inputs of each run of one call: those of the file, over them those of -Inputs, over these the row's own.</summary>
/// <param name="file">The inputs of -InputPath.</param>
/// <param name="given">-Inputs.</param>
/// <param name="inputName">The input that a row without properties is for.</param>
/// <param name="labelColumn">The column with the label, which is no input.</param>
/// <param name="deploymentColumn">The column with the deployment, which is no input.</param>
internal sealed class RowInputs(PSObject? file, PSObject? given, string? inputName, string? labelColumn, string? deploymentColumn)
{
    private InputSet? _common;

    /// <summary>What all runs have in common.</summary>
    /// <exception cref="ComfyDeployException">InvalidInput: -Inputs is neither a dictionary nor an object.</exception>
    internal InputSet Common() => new(_common ??= Collect());

    /// <summary>Adds a row to the common inputs.</summary>
    /// <exception cref="ComfyDeployException">InputRowInvalid, InvalidInput.</exception>
    internal void Add(InputSet inputs, PSObject row)
    {
        if (Refusal(row.BaseObject) is { } refusal) throw new ComfyDeployException(ErrorIds.InputRowInvalid, refusal);
        if (inputName is null) inputs.Add(row, skipEmpty: true, IsInput);
        else inputs.Set(inputName, row.BaseObject, skipEmpty: true);
    }

    /// <summary>The row's label, which is no input; a row that is refused has one too.</summary>
    internal string? LabelOf(PSObject row) => labelColumn is null ? null : Text(Cell(row, labelColumn));

    /// <summary>Checks that the first row has the columns that the call names.</summary>
    /// <exception cref="ComfyDeployException">UnknownInput.</exception>
    internal void CheckColumns(PSObject row)
    {
        if (labelColumn is not null) CheckColumn(row, labelColumn, "LabelColumn");
        if (deploymentColumn is not null) CheckColumn(row, deploymentColumn, "DeploymentColumn");
    }

    /// <summary>The deployment that a row names.</summary>
    /// <exception cref="ComfyDeployException">InvalidInput: the cell is empty.</exception>
    internal ComfyReference DeploymentOf(PSObject row)
    {
        object? cell = Cell(row, deploymentColumn!).Unwrap();
        if (cell is ComfyDeployment deployment) return new(deployment.DeploymentId, PSObject.AsPSObject(deployment));
        string? name = DeploymentNameOf(row);
        return name is null
            ? throw new ComfyDeployException(ErrorIds.InvalidInput, $"The row names no deployment in column '{deploymentColumn}'.")
            : new(name);
    }

    /// <summary>The name in the row's column; null when it is empty.</summary>
    internal string? DeploymentNameOf(PSObject row) => Text(Cell(row, deploymentColumn!))?.Trim() is { Length: > 0 } name ? name : null;

    /// <summary>Refuses a run, and a row of a table: its inputs would be lost.</summary>
    /// <exception cref="ComfyDeployException">InputRowInvalid.</exception>
    internal static void CheckIsDeployment(ComfyReference deployment)
    {
        if (deployment.Property(nameof(ComfyRun.RunId)) is not null)
            throw new ComfyDeployException(ErrorIds.InputRowInvalid, RunRefusal);
        string[] others = [.. deployment.PropertyNames.Except(DeploymentProperties, StringComparer.OrdinalIgnoreCase)];
        if (others.Length == 0) return;
        throw new ComfyDeployException(ErrorIds.InputRowInvalid,
            $"A deployment has no property '{others[0]}': this is a row of inputs. Use -DeploymentColumn DeploymentId");
    }

    private static readonly HashSet<string> DeploymentProperties =
    [
        .. typeof(ComfyDeployment).GetProperties().Select(property => property.Name), "PSComputerName", "RunspaceId", "PSShowComputerName",
    ];

    private const string RunRefusal =
        "A ComfyRun is not a row of inputs. To start it again: Restart-ComfyRun. To use its inputs: | ForEach-Object Inputs | "
            + "Start-ComfyRun …";

    private bool IsInput(string column) => !IsSame(column, labelColumn) && !IsSame(column, deploymentColumn);

    private static bool IsSame(string column, string? other) => string.Equals(column, other, StringComparison.OrdinalIgnoreCase);

    private static object? Cell(PSObject row, string column) => row.BaseObject is IDictionary entries
        ? entries.Keys.Cast<object>().Where(key => IsSame(Text(key)!, column)).Select(key => entries[key]).FirstOrDefault()
        : row.Properties[column] is { } property ? InputSet.ValueOf(property) : null;

    private static string? Text(object? value) => value is null ? null : Convert.ToString(value, CultureInfo.InvariantCulture);

    private static void CheckColumn(PSObject row, string column, string parameterName)
    {
        string[] columns = row.BaseObject is IDictionary entries
            ? [.. entries.Keys.Cast<object>().Select(key => Text(key)!)]
            : [.. row.Properties.Select(property => property.Name)];
        if (columns.Contains(column, StringComparer.OrdinalIgnoreCase)) return;
        throw new ComfyDeployException(ErrorIds.UnknownInput,
            $"The first row has no column '{column}' for -{parameterName}. Its columns: {string.Join(", ", columns)}.");
    }

    private InputSet Collect()
    {
        InputSet inputs = new();
        if (file is not null) inputs.Add(file, skipEmpty: false);
        if (given is null) return inputs;
        if (given.BaseObject is not (IDictionary or PSCustomObject))
        {
            string type = given.BaseObject.GetType().Name;
            throw new ComfyDeployException(ErrorIds.InvalidInput,
                $"-Inputs takes a hashtable or an object, not a {type}: -Inputs @{{ prompt = '…' }}");
        }
        inputs.Add(given, skipEmpty: false);
        return inputs;
    }

    private string? Refusal(object row) => row switch
    {
        ComfyRun => RunRefusal,
        ComfyDeployment => "A ComfyDeployment is not a row of inputs. Pipe it without -Deployment, or pipe rows.",
        string or ValueType or Uri or FileSystemInfo when inputName is null =>
            $"A {row.GetType().Name} is not a row of inputs. Name the input that it is for: -InputName prompt",
        _ => null,
    };
}
