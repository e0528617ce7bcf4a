using System.Management.Automation.Language;

namespace ComfyDeploy.Commands;

/// <summary>Text as an argument that can be pasted into a command.</summary>
internal static class CommandLine
{
    /// <summary>The text as it is, or in quotes where PowerShell would read something else.</summary>
    internal static string Quote(string text) =>
        text.Length > 0 && text[0] != '-' && text.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '/' or '.') ? text
            : $"'{CodeGeneration.EscapeSingleQuotedStringContent(text)}'";
}
