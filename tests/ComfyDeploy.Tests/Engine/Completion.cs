using System.Management.Automation;

namespace ComfyDeploy.Tests.Engine;

/// <summary>What the engine offers at the end of a line, as TabExpansion2 does.</summary>
internal static class Completion
{
    internal static CommandCompletion Complete(this EngineFixture engine, string line)
    {
        using PowerShell shell = PowerShell.Create(engine.Runspace);
        return CommandCompletion.CompleteInput(line, line.Length, null, shell);
    }

    /// <summary>The texts that would take the place of the word.</summary>
    internal static IReadOnlyList<string> Tab(this EngineFixture engine, string line) =>
        [.. engine.Complete(line).CompletionMatches.Select(match => match.CompletionText)];

    /// <summary>The whole lines after the completion.</summary>
    internal static IReadOnlyList<string> Lines(this EngineFixture engine, string line)
    {
        CommandCompletion completion = engine.Complete(line);
        return [.. completion.CompletionMatches.Select(match =>
            line.Remove(completion.ReplacementIndex, completion.ReplacementLength).Insert(completion.ReplacementIndex, match.CompletionText))];
    }
}
