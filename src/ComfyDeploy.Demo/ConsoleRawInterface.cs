using System.Management.Automation.Host;

namespace ComfyDeploy.Demo;

/// <summary>Reports the width of the console to the formatter, which needs nothing else.</summary>
internal sealed class ConsoleRawInterface : PSHostRawUserInterface
{
    private const int WidthWhenRedirected = 120;

    private static readonly Size Window = Console.IsOutputRedirected ? new(WidthWhenRedirected, 50) : new(Console.BufferWidth, Console.WindowHeight);

    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;

    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;

    public override Size BufferSize { get; set; } = Window;

    public override Size WindowSize { get; set; } = Window;

    public override Size MaxPhysicalWindowSize => Window;

    public override Size MaxWindowSize => Window;

    public override Coordinates CursorPosition { get; set; }

    public override Coordinates WindowPosition { get; set; }

    public override int CursorSize { get; set; } = 25;

    public override string WindowTitle { get; set; } = "ComfyDeploy demo";

    public override bool KeyAvailable => false;

    public override void FlushInputBuffer() { }

    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw new NotSupportedException();

    public override KeyInfo ReadKey(ReadKeyOptions options) => throw new NotSupportedException();

    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) => throw new NotSupportedException();

    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => throw new NotSupportedException();

    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => throw new NotSupportedException();
}
