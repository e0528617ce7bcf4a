using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Tests.Engine;

/// <summary>A host that records its output, with a window of a given width.</summary>
internal sealed class CapturingHost(int width = 120, bool hasInterface = true) : PSHost
{
    private readonly CapturingInterface _interface = new(width);

    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;

    public override CultureInfo CurrentUICulture => CultureInfo.InvariantCulture;

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override string Name => "Test host";

    public override PSHostUserInterface? UI => hasInterface ? _interface : null;

    public override Version Version { get; } = new(1, 0);

    /// <summary>The output since the last script started, without colors.</summary>
    internal string Text => _interface.Text;

    /// <summary>What a user types at a prompt; without it, the host is not interactive.</summary>
    internal SecureString? Typed
    {
        set => _interface.Typed = value;
    }

    internal void Clear() => _interface.Clear();

    public override void EnterNestedPrompt() => throw new NotSupportedException();

    public override void ExitNestedPrompt() => throw new NotSupportedException();

    public override void NotifyBeginApplication() { }

    public override void NotifyEndApplication() { }

    public override void SetShouldExit(int exitCode) { }
}

internal sealed partial class CapturingInterface(int width) : PSHostUserInterface
{
    private readonly StringBuilder _text = new();

    public override PSHostRawUserInterface RawUI { get; } = new CapturingWindow(width);

    public override bool SupportsVirtualTerminal => false;

    internal string Text
    {
        get
        {
            lock (_text) return Color().Replace(_text.ToString(), "");
        }
    }

    internal SecureString? Typed { get; set; }

    internal void Clear()
    {
        lock (_text) _text.Clear();
    }

    public override void Write(string value)
    {
        lock (_text) _text.Append(value);
    }

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Write(value);

    public override void WriteLine(string value) => Write(value + "\n");

    public override void WriteErrorLine(string value) => WriteLine(value);

    public override void WriteWarningLine(string message) => WriteLine(message);

    public override void WriteVerboseLine(string message) => WriteLine(message);

    public override void WriteDebugLine(string message) => WriteLine(message);

    public override void WriteProgress(long sourceId, ProgressRecord record) { }

    public override string ReadLine() => throw NobodyThere();

    public override SecureString ReadLineAsSecureString() => Typed ?? throw NobodyThere();

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) =>
        Typed is null ? throw NobodyThere() : descriptions.ToDictionary(field => field.Name, _ => PSObject.AsPSObject(Typed));

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) => throw NobodyThere();

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) => throw NobodyThere();

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) => throw NobodyThere();

    private static HostException NobodyThere() => new("Nobody is there to answer.");

    [GeneratedRegex("\u001b\\[[0-9;]*m")]
    private static partial Regex Color();
}

internal sealed class CapturingWindow(int width) : PSHostRawUserInterface
{
    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;

    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;

    public override Size BufferSize { get; set; } = new(width, 50);

    public override Size WindowSize { get; set; } = new(width, 50);

    public override Size MaxPhysicalWindowSize => WindowSize;

    public override Size MaxWindowSize => WindowSize;

    public override Coordinates CursorPosition { get; set; }

    public override Coordinates WindowPosition { get; set; }

    public override int CursorSize { get; set; } = 25;

    public override string WindowTitle { get; set; } = "";

    public override bool KeyAvailable => false;

    public override void FlushInputBuffer() { }

    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw new NotSupportedException();

    public override KeyInfo ReadKey(ReadKeyOptions options) => throw new NotSupportedException();

    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) => throw new NotSupportedException();

    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => throw new NotSupportedException();

    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => throw new NotSupportedException();
}
