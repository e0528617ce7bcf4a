using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace ComfyDeploy.Demo;

/// <summary>Writes to the console; shows progress on one line, which the next text replaces.</summary>
internal sealed class ConsoleInterface : PSHostUserInterface
{
    private readonly bool _isTerminal = !Console.IsOutputRedirected;
    private int _progressLength;

    public override PSHostRawUserInterface RawUI { get; } = new ConsoleRawInterface();

    public override bool SupportsVirtualTerminal => _isTerminal;

    public override void Write(string value)
    {
        ClearProgress();
        Console.Write(GetOutputString(value, SupportsVirtualTerminal));
    }

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value)
    {
        ClearProgress();
        if (_isTerminal) Console.ForegroundColor = foregroundColor;
        Console.Write(value);
        if (_isTerminal) Console.ResetColor();
    }

    public override void WriteLine(string value) => Write(value + Environment.NewLine);

    public override void WriteErrorLine(string value) => Write(ConsoleColor.Red, default, value + Environment.NewLine);

    public override void WriteWarningLine(string message) => Write(ConsoleColor.Yellow, default, $"WARNING: {message}{Environment.NewLine}");

    public override void WriteVerboseLine(string message) => WriteLine($"VERBOSE: {message}");

    public override void WriteDebugLine(string message) => WriteLine($"DEBUG: {message}");

    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
        // The child records show which nodes are executing; one line has room for the main record only.
        if (!_isTerminal || record.ParentActivityId >= 0) return;
        ClearProgress();
        if (record.RecordType == ProgressRecordType.Completed) return;
        string line = $"{record.Activity}: {record.StatusDescription}";
        line = line.Length < RawUI.BufferSize.Width ? line : line[..(RawUI.BufferSize.Width - 1)];
        Console.Write(line);
        _progressLength = line.Length;
    }

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) => throw Unattended();

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) => throw Unattended();

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) => throw Unattended();

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) => throw Unattended();

    public override string ReadLine() => throw Unattended();

    public override SecureString ReadLineAsSecureString() => throw Unattended();

    private static HostException Unattended() => new("The demo runs unattended and does not prompt.");

    private void ClearProgress()
    {
        if (_progressLength == 0) return;
        Console.Write($"\r{new string(' ', _progressLength)}\r");
        _progressLength = 0;
    }
}
