using System.Globalization;
using System.Management.Automation.Host;

namespace ComfyDeploy.Demo;

/// <summary>The smallest PowerShell host: one session on this console.</summary>
internal sealed class ConsoleHost : PSHost
{
    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;

    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override string Name => "ComfyDeploy demo";

    public override PSHostUserInterface UI { get; } = new ConsoleInterface();

    public override Version Version { get; } = new(1, 0);

    public override void SetShouldExit(int exitCode) { }

    public override void EnterNestedPrompt() => throw new NotSupportedException("The demo does not prompt.");

    public override void ExitNestedPrompt() => throw new NotSupportedException("The demo does not prompt.");

    public override void NotifyBeginApplication() { }

    public override void NotifyEndApplication() { }
}
