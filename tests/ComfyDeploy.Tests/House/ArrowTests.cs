using Mono.Cecil;
using NetArchTest.Rules;

namespace ComfyDeploy.Tests.House;

/// <summary>Commands -> Client -> Models -> Text, and Formatting -> Models, Text: no arrow runs back.</summary>
public sealed class ArrowTests
{
    private const string Commands = "ComfyDeploy.Commands";
    private const string Client = "ComfyDeploy.Client";
    private const string Models = "ComfyDeploy";
    private const string Text = "ComfyDeploy.Text";
    private const string Formatting = "ComfyDeploy.Internal";

    [Theory]
    [InlineData(Commands, Formatting)]
    [InlineData(Client, Commands)]
    [InlineData(Client, Formatting)]
    [InlineData(Models, Commands)]
    [InlineData(Models, Client)]
    [InlineData(Models, Formatting)]
    [InlineData(Formatting, Commands)]
    [InlineData(Text, Commands)]
    [InlineData(Text, Client)]
    [InlineData(Text, Models)]
    public void No_arrow_runs_back(string layer, string forbidden)
    {
        // NetArchTest matches namespaces by prefix, and the namespace of the models is a prefix of all others.
        string[] targets = forbidden == Models ? [.. In(Models).GetTypes().Select(type => type.FullName!)] : [forbidden];
        Assert.NotEmpty(targets);
        Assert.NotEmpty(In(layer).GetTypes());
        TestResult result = In(layer).ShouldNot().HaveDependencyOnAny(targets).GetResult();
        Assert.True(result.IsSuccessful, $"{layer} uses {forbidden}: {string.Join(", ", result.FailingTypeNames ?? [])}");
    }

    private static PredicateList In(string layer) => Types.InAssembly(typeof(ComfyRun).Assembly).That().MeetCustomRule(new ExactNamespace(layer));

    private sealed class ExactNamespace(string name) : ICustomRule
    {
        public bool MeetsRule(TypeDefinition type) => type.Namespace == name;
    }
}
