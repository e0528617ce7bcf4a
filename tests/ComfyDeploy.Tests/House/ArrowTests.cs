using System.Text.RegularExpressions;
using Mono.Cecil;
using NetArchTest.Rules;

namespace ComfyDeploy.Tests.House;

/// <summary>Commands -> Client -> Models -> Text, and Formatting -> Models, Text: no arrow runs back.</summary>
public sealed partial class ArrowTests
{
    private const string Commands = "ComfyDeploy.Commands";
    private const string Client = "ComfyDeploy.Client";
    private const string Models = "ComfyDeploy";
    private const string Text = "ComfyDeploy.Text";
    private const string Formatting = "ComfyDeploy.Internal";

    [Theory]
    [InlineData(Commands, "System.Net.Http")]
    [InlineData(Commands, Formatting)]
    [InlineData(Client, Commands)]
    [InlineData(Client, Formatting)]
    [InlineData(Models, Commands)]
    [InlineData(Models, Client)]
    [InlineData(Models, Formatting)]
    [InlineData(Formatting, Commands)]
    [InlineData(Formatting, Client)]
    [InlineData(Text, Commands)]
    [InlineData(Text, Client)]
    [InlineData(Text, Models)]
    [InlineData(Text, Formatting)]
    public void No_layer_depends_on_a_higher_one(string layer, string forbidden)
    {
        // NetArchTest matches namespaces by prefix, and the namespace of the models is a prefix of all others.
        string[] targets = forbidden == Models ? [.. In(Models).GetTypes().Select(type => type.FullName!)] : [forbidden];
        Assert.NotEmpty(targets);
        Assert.NotEmpty(In(layer).GetTypes());
        TestResult result = In(layer).ShouldNot().HaveDependencyOnAny(targets).GetResult();
        Assert.True(result.IsSuccessful, $"{layer} uses {forbidden}: {string.Join(", ", result.FailingTypeNames ?? [])}");
    }

    /// <summary>Advice in a message depends on the caller, and the client does not know whether that is a cmdlet.</summary>
    [Fact]
    public void The_client_names_no_cmdlet()
    {
        string[] named =
        [
            .. from file in Source.Files("Client")
               from line in file.Lines.Select((text, index) => (Text: text.Trim(), Number: index + 1))
               where !line.Text.StartsWith("//", StringComparison.Ordinal) && CmdletName().IsMatch(line.Text)
               select $"{file.Name}:{line.Number} {CmdletName().Match(line.Text).Value}",
        ];
        Assert.True(named.Length == 0, string.Join(Environment.NewLine, named));
    }

    private static PredicateList In(string layer) => Types.InAssembly(typeof(ComfyRun).Assembly).That().MeetCustomRule(new ExactNamespace(layer));

    [GeneratedRegex("(Get|Start|Wait|Stop|Save|Connect|Disconnect|Test|Invoke)-Comfy[A-Za-z]+")]
    private static partial Regex CmdletName();

    private sealed class ExactNamespace(string name) : ICustomRule
    {
        public bool MeetsRule(TypeDefinition type) => type.Namespace == name;
    }
}
