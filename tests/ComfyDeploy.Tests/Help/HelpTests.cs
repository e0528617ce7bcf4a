using System.Management.Automation;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using ComfyDeploy.Commands;

namespace ComfyDeploy.Tests.Help;

/// <summary>The documentation matches the assembly: nothing is missing or obsolete. These tests need no pwsh.</summary>
public sealed class HelpTests
{
    private const string PageAddress = "https://github.com/comfydeploy-powershell/ComfyDeploy/blob/main/en-US/";

    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";

    private static readonly string[] OfTheEngine = ["WhatIf", "Confirm"];

    private static readonly Dictionary<string, Type> Cmdlets = typeof(ComfyRun).Assembly.GetExportedTypes()
        .Where(type => type.GetCustomAttribute<CmdletAttribute>() is not null)
        .ToDictionary(type => type.GetCustomAttribute<CmdletAttribute>() is { } name ? $"{name.VerbName}-{name.NounName}" : "");

    private static readonly Dictionary<string, XElement> MamlCommands = XDocument.Load(EnglishFile("ComfyDeploy.dll-Help.xml"))
        .Descendants(Command + "command").ToDictionary(command => command.Element(Command + "details")!.Element(Command + "name")!.Value);

    public static TheoryData<string> Names => [.. Manifest("CmdletsToExport")];

    [Fact]
    public void The_manifest_exports_the_cmdlets_of_the_assembly() =>
        Assert.Equal(Cmdlets.Keys.Order(StringComparer.Ordinal), Manifest("CmdletsToExport").Order(StringComparer.Ordinal));

    [Fact]
    public void Every_cmdlet_has_a_page_and_every_page_has_a_cmdlet() =>
        Assert.Equal(
            Cmdlets.Keys.Order(StringComparer.Ordinal),
            Directory.GetFiles(EnglishFile("."), "*.md").Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_cmdlet_has_console_help_and_every_help_entry_has_a_cmdlet() =>
        Assert.Equal(Cmdlets.Keys.Order(StringComparer.Ordinal), MamlCommands.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void The_built_module_contains_the_help_of_the_repository() =>
        Assert.All(
            Directory.GetFiles(EnglishFile(".")).Where(file => !file.EndsWith(".md", StringComparison.Ordinal)),
            file => Assert.Equal(File.ReadAllText(file), File.ReadAllText(Path.Combine(BuiltModule.Folder, "en-US", Path.GetFileName(file)))));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_synopsis_begins_with_a_verb_in_the_third_person(string cmdlet)
    {
        string synopsis = Text(MamlCommands[cmdlet].Element(Command + "details")!.Element(Maml + "description"));
        Assert.Matches("^[A-Z][a-z]+s .+\\.$", synopsis);
        Assert.Contains(synopsis, Page(cmdlet), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_parameter_is_described_and_every_description_has_a_parameter(string cmdlet)
    {
        Dictionary<string, string> described = MamlCommands[cmdlet].Element(Command + "parameters")!.Elements(Command + "parameter")
            .ToDictionary(parameter => parameter.Element(Maml + "name")!.Value, parameter => Text(parameter.Element(Maml + "description")));
        Assert.Equal(ParametersOf(cmdlet), described.Keys.Order(StringComparer.Ordinal));
        Assert.All(described, parameter => Assert.True(parameter.Value.Length > 20 && parameter.Value.EndsWith('.'), $"-{parameter.Key}: '{parameter.Value}'"));

        IEnumerable<string> headings = Regex.Matches(Page(cmdlet), "^### -(\\w+)\r?$", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
        Assert.Equal(ParametersOf(cmdlet), headings.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Help_has_examples_inputs_outputs_and_notes(string cmdlet)
    {
        XElement help = MamlCommands[cmdlet];
        Assert.InRange(help.Descendants(Command + "example").Count(), 2, 6);
        Assert.All(help.Descendants(Command + "example"), example => Assert.Contains(cmdlet, example.Value, StringComparison.OrdinalIgnoreCase));
        Assert.NotEmpty(help.Descendants(Command + "returnValue"));
        Assert.Contains("\n## NOTES\n\n", Page(cmdlet), StringComparison.Ordinal);
        Assert.Equal(TakesFromThePipeline(cmdlet), help.Descendants(Command + "inputType").Any());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_online_page_is_linked(string cmdlet)
    {
        Assert.Equal(PageAddress + cmdlet + ".md", MamlCommands[cmdlet].Descendants(Maml + "navigationLink").First().Element(Maml + "uri")!.Value);
        Assert.All(Regex.Matches(Page(cmdlet), Regex.Escape(PageAddress) + "([\\w-]+)\\.md"), link => Assert.Contains(link.Groups[1].Value, Cmdlets.Keys));
    }

    [Fact]
    public void No_help_text_is_a_placeholder() =>
        Assert.All(Directory.GetFiles(EnglishFile(".")), file => Assert.DoesNotContain("{{", File.ReadAllText(file), StringComparison.Ordinal));

    [Fact]
    public void Every_error_id_is_explained_with_its_category_and_no_other_id_is()
    {
        IEnumerable<string> raised = typeof(ErrorIds).GetFields(BindingFlags.Static | BindingFlags.NonPublic).Where(field => field.IsLiteral)
            .Select(field => (string)field.GetRawConstantValue()!).Select(id => $"{id} ({ErrorRecords.CategoryOf(id)})");
        IEnumerable<string> explained = Regex.Matches(File.ReadAllText(EnglishFile("about_ComfyDeploy_Errors.help.txt")), "^ {4}(\\w+ \\(\\w+\\))\r?$", RegexOptions.Multiline)
            .Select(match => match.Groups[1].Value);
        Assert.Equal(raised.Order(StringComparer.Ordinal), explained.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Pages_name_only_errors_that_exist()
    {
        HashSet<string> known = [.. typeof(ErrorIds).GetFields(BindingFlags.Static | BindingFlags.NonPublic).Select(field => field.Name)];
        IEnumerable<string> named = Directory.GetFiles(EnglishFile("."), "*.md").SelectMany(page => Regex.Matches(File.ReadAllText(page), "\\bErrors[^:.\n]*: (.+)$", RegexOptions.Multiline))
            .SelectMany(line => Regex.Matches(line.Groups[1].Value, "(?<![-\\w])[A-Z][a-z]+(?:[A-Z][a-z]+)+\\b")).Select(word => word.Value).Where(word => !word.StartsWith("Comfy", StringComparison.Ordinal));
        Assert.All(named, word => Assert.Contains(word, known));
    }

    [Fact]
    public void The_README_lists_the_cmdlets_of_the_manifest()
    {
        IEnumerable<string> listed = Regex.Matches(File.ReadAllText(RootFile("README.md")), "^\\| \\[(\\w+-\\w+)\\]\\(en-US/(\\w+-\\w+)\\.md\\) \\|", RegexOptions.Multiline)
            .Select(row => row.Groups[1].Value == row.Groups[2].Value ? row.Groups[1].Value : row.Value);
        Assert.Equal(Manifest("CmdletsToExport").Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_version_matches_the_changelog_and_the_assembly()
    {
        string version = Assert.Single(Manifest("ModuleVersion"));
        Assert.Equal(version, Regex.Match(File.ReadAllText(RootFile("CHANGELOG.md")), "^## ([0-9.]+)", RegexOptions.Multiline).Groups[1].Value);
        Assert.Equal(version, typeof(ComfyRun).Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>()!.Version[..version.Length]);
    }

    private static string EnglishFile(string name) => Path.Combine(BuiltModule.RepositoryRoot, "en-US", name);

    private static string RootFile(string name) => Path.Combine(BuiltModule.RepositoryRoot, name);

    private static string Page(string cmdlet) => File.ReadAllText(EnglishFile(cmdlet + ".md")).ReplaceLineEndings("\n");

    private static string Text(XElement? element) => element?.Value.Trim() ?? "";

    private static IEnumerable<string> ParametersOf(string cmdlet)
    {
        CmdletAttribute attribute = Cmdlets[cmdlet].GetCustomAttribute<CmdletAttribute>()!;
        return Parameters(cmdlet).Select(property => property.Name).Concat(attribute.SupportsShouldProcess ? OfTheEngine : []).Order(StringComparer.Ordinal);
    }

    private static IEnumerable<PropertyInfo> Parameters(string cmdlet) =>
        Cmdlets[cmdlet].GetProperties().Where(property => property.GetCustomAttributes<ParameterAttribute>().Any(parameter => !parameter.DontShow));

    private static bool TakesFromThePipeline(string cmdlet) =>
        Parameters(cmdlet).SelectMany(property => property.GetCustomAttributes<ParameterAttribute>()).Any(parameter => parameter.ValueFromPipeline || parameter.ValueFromPipelineByPropertyName);

    /// <summary>The texts of one key of the manifest, which holds literals only.</summary>
    private static string[] Manifest(string key)
    {
        string value = Regex.Match(File.ReadAllText(RootFile("ComfyDeploy.psd1")), $"^ *{key} *= *(@\\([^)]*\\)|'[^']*')", RegexOptions.Multiline).Groups[1].Value;
        return [.. Regex.Matches(value, "'([^']*)'").Select(match => match.Groups[1].Value)];
    }
}
