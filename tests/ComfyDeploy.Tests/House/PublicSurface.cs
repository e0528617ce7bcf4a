using System.Management.Automation;
using System.Reflection;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.House;

/// <summary>Everything scripts and compiled callers depend on, one line each.</summary>
internal static class PublicSurface
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    internal static IEnumerable<string> Describe(EngineFixture engine) =>
        [.. Types().Order(StringComparer.Ordinal), .. Cmdlets(engine).Order(StringComparer.Ordinal), .. ErrorIdentifiers().Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Types()
    {
        foreach (Type type in typeof(ComfyRun).Assembly.GetExportedTypes())
        {
            yield return $"type {type.FullName} : {type.BaseType}";
            foreach (ConstructorInfo constructor in type.GetConstructors()) yield return $"type {type.FullName} {constructor}";
            foreach (PropertyInfo property in type.GetProperties(Declared))
            {
                string accessors = $"{(property.GetMethod?.IsPublic == true ? " get" : "")}{(property.SetMethod?.IsPublic == true ? " set" : "")}";
                yield return $"type {type.FullName} {property}{accessors}";
            }
            foreach (FieldInfo field in type.GetFields(Declared)) yield return $"type {type.FullName} {field}";
            foreach (MethodInfo method in type.GetMethods(Declared).Where(method => !method.IsSpecialName)) yield return $"type {type.FullName} {method}";
        }
    }

    private static IEnumerable<string> Cmdlets(EngineFixture engine)
    {
        foreach (CmdletInfo cmdlet in engine.Run("Get-Command -Module ComfyDeploy -CommandType Cmdlet").All<CmdletInfo>())
        {
            yield return $"cmdlet {cmdlet.Name} output {string.Join(", ", cmdlet.OutputType.Select(type => type.Name))} default set {cmdlet.DefaultParameterSet}";
            foreach (CommandParameterSetInfo set in cmdlet.ParameterSets)
            {
                foreach (CommandParameterInfo parameter in set.Parameters)
                {
                    string binding = $"{(parameter.IsMandatory ? " mandatory" : "")}{(parameter.Position >= 0 ? $" position {parameter.Position}" : "")}"
                        + $"{(parameter.ValueFromPipeline ? " by value" : "")}{(parameter.ValueFromPipelineByPropertyName ? " by name" : "")}";
                    yield return $"cmdlet {cmdlet.Name} set {set.Name} -{parameter.Name} <{parameter.ParameterType}>{binding} {string.Join(",", parameter.Aliases)}".TrimEnd();
                }
            }
        }
    }

    private static IEnumerable<string> ErrorIdentifiers() =>
        typeof(ErrorIds).GetFields(BindingFlags.NonPublic | BindingFlags.Static).Where(field => field.IsLiteral).Select(field => $"error {field.GetRawConstantValue()}");
}
